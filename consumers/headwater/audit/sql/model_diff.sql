-- What changed between two versions of a model: data and profiles below them, code, parameters, environment, metrics. Of each what only one of them has; alike says how many values both have.
-- param namespace String: The model's namespace.
-- param name String: The model's name.
-- param before String: One version.
-- param after String: The other.
-- param depth UInt32 = 30: Edges back at most; truncated says whether more may lie beyond.
-- near dataset_versions: versions
-- near runs: runs
-- near column_profiles: versions
WITH
    groupUniqArrayIf(fact.4, side = 'before') AS earlier,
    groupUniqArrayIf(fact.4, side = 'after') AS later,
    arraySort(arrayFilter(x -> NOT has(later, x), earlier)) AS gone,
    arraySort(arrayFilter(x -> NOT has(earlier, x), later)) AS come
SELECT
    fact.1 AS what,
    fact.2 AS about,
    fact.3 AS item,
    arrayStringConcat(gone, ', ') AS before,
    arrayStringConcat(come, ', ') AS after,
    length(earlier) - length(gone) AS alike,
    min(depth) AS depth,
    max(max(truncated)) OVER () AS truncated
FROM
(
    SELECT
        w.side AS side,
        w.depth AS depth,
        w.truncated AS truncated,
        concat(w.namespace, '/', w.name) AS data,
        concat(ifNull(r.job_namespace, ''), '/', ifNull(r.job_name, '')) AS job,
        -- Every fact of a node as (what, about, item, value): one pass over the walk serves them all.
        arrayJoin(arrayConcat(
            if(w.depth > 0, [('data', data, '', ifNull(w.version, ''))], []),
            if(isNull(r.code_commit), [], [('code', job, ifNull(r.code_repository, ''),
                concat(ifNull(r.code_commit, ''), if(ifNull(r.code_dirty, false), ' (dirty)', '')))]),
            arrayMap((k, v) -> ('parameter', job, k, v), mapKeys(r.parameters), mapValues(r.parameters)),
            arrayMap((k, v) -> ('environment', job, k, v), mapKeys(r.environment), mapValues(r.environment)),
            arrayMap(m -> ('metric', job, concat(m.name, if(isNull(m.split), '', concat(' (', assumeNotNull(m.split), ')'))), toString(m.value)),
                arrayFilter(m -> isNull(m.step), r.metrics)),
            if(w.depth > 0, arrayMap(c -> ('profile', data, c.1, c.2), p.columns), []))) AS fact
    FROM
    (
        SELECT 'before' AS side, * FROM upstream_at(namespace = {namespace:String}, name = {name:String}, version = {before:String}, depth = {depth:UInt32}, at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
        UNION ALL
        SELECT 'after' AS side, * FROM upstream_at(namespace = {namespace:String}, name = {name:String}, version = {after:String}, depth = {depth:UInt32}, at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    ) AS w
    LEFT JOIN
    (
        SELECT key, run_id, job_namespace, job_name FROM dataset_versions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    ) AS v ON v.key = w.key
    LEFT JOIN
    (
        SELECT run_id, job_namespace, job_name, code_repository, code_commit, code_dirty, parameters, environment, metrics
        FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    ) AS r ON r.run_id = v.run_id AND r.job_namespace = v.job_namespace AND r.job_name = v.job_name
    LEFT JOIN
    (
        SELECT namespace, name, version, groupArray((column,
            concat(if(isNull(mean), '', concat('mean ', toString(round(assumeNotNull(mean), 4)), ', ')), 'nulls ', toString(nulls), ' of ', toString(count)))) AS columns
        FROM column_profiles_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
        WHERE role != 'serving'
        GROUP BY namespace, name, version
    ) AS p ON p.namespace = w.namespace AND p.name = w.name AND p.version = w.version
)
GROUP BY what, about, item
HAVING notEmpty(gone) OR notEmpty(come)
ORDER BY indexOf(['metric', 'parameter', 'code', 'environment', 'data', 'profile'], what), depth, about, item
SETTINGS join_use_nulls = 0
