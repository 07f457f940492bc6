-- Before trouble began on a dataset: which run, code, parameter or schema change upstream is nearest.
-- param namespace String: The dataset's namespace.
-- param name String: The dataset's name.
-- param version Nullable(String) = null: The version in which it was seen; without it, all.
-- param onset DateTime64(6, 'UTC') = 2299-12-31T23:59:59.999999Z: When it began (an incident says).
-- param depth UInt32 = 30: Edges back at most; truncated says whether more may lie beyond.
-- param limit UInt32 = 20: Rows at most.
-- near dataset_versions: versions
-- near runs: before
-- near uses: writes
WITH
    above AS
    (
        SELECT * FROM upstream_at(namespace = {namespace:String}, name = {name:String}, version = {version:Nullable(String)}, depth = {depth:UInt32}, at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    ),
    steps AS
    (
        SELECT
            run_id,
            job_namespace,
            job_name,
            state,
            ended_at,
            code_commit,
            parameters,
            lagInFrame(code_commit) OVER w AS commit_before,
            lagInFrame(parameters) OVER w AS parameters_before,
            row_number() OVER w AS turn
        FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
        WHERE isNotNull(ended_at)
        WINDOW w AS (PARTITION BY job_namespace, job_name ORDER BY ended_at, run_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    ),
    schemas_of AS
    (
        SELECT
            namespace,
            name,
            run_id,
            said,
            lagInFrame(said) OVER (PARTITION BY namespace, name ORDER BY event_time, event_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS said_before
        FROM
        (
            SELECT namespace, name, run_id, event_time, event_id, arrayMap(c -> (c.name, c.type), columns) AS said
            FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
            WHERE access = 'write' AND notEmpty(columns)
        )
    )
SELECT
    a.depth AS depth,
    s.ended_at AS ended_at,
    arrayFilter(x -> x != '', [
        if(s.state IN ('FAIL', 'ABORT'), 'failed', ''),
        if(s.turn > 1 AND s.code_commit != s.commit_before, 'code', ''),
        if(s.turn > 1 AND s.parameters != s.parameters_before, 'parameters', ''),
        if(notEmpty(c.said_before) AND c.said != c.said_before, 'schema', ''),
        if(s.turn = 1, 'first run', '')]) AS changes,
    a.namespace AS namespace,
    a.name AS name,
    a.version AS version,
    s.job_namespace AS job_namespace,
    s.job_name AS job_name,
    s.run_id AS run_id,
    s.commit_before AS commit_before,
    s.code_commit AS code_commit,
    a.truncated AS truncated
FROM above AS a
INNER JOIN dataset_versions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS v ON v.key = a.key
INNER JOIN steps AS s ON s.run_id = v.run_id AND s.job_namespace = v.job_namespace AND s.job_name = v.job_name
LEFT JOIN schemas_of AS c ON c.run_id = v.run_id AND c.namespace = a.namespace AND c.name = a.name
WHERE s.ended_at <= {onset:DateTime64(6, 'UTC')}
ORDER BY empty(changes), ended_at DESC, depth, namespace, name, version
LIMIT {limit:UInt32}
SETTINGS join_use_nulls = 0
