-- Which dataset versions, transformations, code, parameters and environment stand behind a model version, what of it is missing, and how complete it is: the share of what one needs to make it again that is there; null where the walk was cut.
-- param namespace String: The model's namespace.
-- param name String: The model's name.
-- param version Nullable(String) = null: Its version; without it, all.
-- param depth UInt32 = 30: Edges back at most; truncated says whether more may lie beyond.
-- near dataset_versions: versions
-- near runs: runs
SELECT
    u.depth AS depth,
    u.namespace AS namespace,
    u.name AS name,
    u.version AS version,
    u.kind AS kind,
    r.job_name AS made_by_job,
    v.run_id AS made_by_run,
    r.state AS run_state,
    v.written_at AS written_at,
    v.rows AS rows,
    r.code_repository AS code_repository,
    r.code_commit AS code_commit,
    r.code_dirty AS code_dirty,
    r.parameters AS parameters,
    r.environment AS environment,
    r.metrics AS metrics,
    -- A version that a run made needs the run's end, code and environment. One that nobody made: its content's identity.
    CAST(isNull(v.run_id) AND isNull(v.job_name), 'Bool') AS source,
    arrayMap(x -> x.1, arrayFilter(x -> x.2, [
        ('version', isNull(u.version)),
        ('content (no fingerprint, and no store or digest gave the version)', source AND isNotNull(u.version) AND ifNull(v.fingerprint_algorithm, '') = '' AND ifNull(v.version_origin, '') NOT IN ('store', 'digest')),
        ('run', NOT source AND isNull(r.job_name)),
        ('end of the run', isNotNull(r.job_name) AND ifNull(r.state, '') != 'COMPLETE'),
        ('code', isNotNull(r.job_name) AND ifNull(r.code_commit, '') = '' AND ifNull(r.code_digest, '') = ''),
        ('code as it ran (changed, not committed)', isNotNull(r.job_name) AND ifNull(r.code_dirty, false) AND ifNull(r.code_digest, '') = ''),
        ('environment', isNotNull(r.job_name) AND empty(r.environment))])) AS missing,
    if(u.truncated, NULL, toNullable(round(1 - sum(length(missing)) OVER () / sum(if(source, 2, 5)) OVER (), 4))) AS completeness,
    u.truncated AS truncated
FROM upstream_at(namespace = {namespace:String}, name = {name:String}, version = {version:Nullable(String)}, depth = {depth:UInt32}, at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS u
LEFT JOIN dataset_versions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS v ON v.key = u.key
LEFT JOIN runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS r ON r.run_id = v.run_id AND r.job_namespace = v.job_namespace AND r.job_name = v.job_name
ORDER BY depth, namespace, name, version
SETTINGS join_use_nulls = 1
