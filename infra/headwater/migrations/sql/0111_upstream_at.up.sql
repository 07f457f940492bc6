-- Parameterised (namespace, name, version, depth, at, known_at): what a dataset or a version of it derives from
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.upstream_at ${on_cluster} AS
-- Every node reached, once, with the fewest edges to it, on cycles too; truncated: the walk stopped at the depth given, more
-- may lie beyond. The edges are read once and carried along as arrays: a recursive step that reads them would read
-- them again at each depth, and cannot know what it has visited.
WITH RECURSIVE
    pairs AS
    (
        SELECT groupArray(target_key) AS froms, groupArray(source_key) AS tos
        FROM (SELECT DISTINCT source_key, target_key FROM ${database}.edges_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) WHERE source_key != 0 AND target_key != 0)
    ),
    roots AS
    (
        SELECT groupArray(n.key) AS keys
        FROM ${database}.nodes_at(known_at = {known_at:DateTime64(6, 'UTC')}) AS n
        WHERE n.arrival <= {known_at:DateTime64(6, 'UTC')} AND n.namespace = {namespace:String} AND n.name = {name:String}
            AND (isNull({version:Nullable(String)}) OR n.version = {version:Nullable(String)})
    ),
    walked AS
    (
        SELECT roots.keys AS fresh, roots.keys AS seen, toUInt32(0) AS depth, pairs.froms AS froms, pairs.tos AS tos
        FROM pairs CROSS JOIN roots
        UNION ALL
        SELECT fresh, arrayConcat(seen, fresh) AS seen, depth, froms, tos
        FROM
        (
            SELECT
                arrayDistinct(arrayFilter((t, f) -> has(w.fresh, f) AND NOT has(w.seen, t), w.tos, w.froms)) AS fresh,
                w.seen AS seen,
                w.depth + 1 AS depth,
                w.froms AS froms,
                w.tos AS tos
            FROM walked AS w
            WHERE w.depth < {depth:UInt32} AND notEmpty(w.fresh)
        )
    )
SELECT
    n.namespace AS namespace,
    n.name AS name,
    n.version AS version,
    n.kind AS kind,
    r.depth AS depth,
    CAST(max(r.depth) OVER () >= {depth:UInt32}, 'Bool') AS truncated,
    n.key AS key
FROM (SELECT arrayJoin(fresh) AS key, depth FROM walked) AS r
INNER JOIN (SELECT key, namespace, name, version, kind FROM ${database}.nodes_at(known_at = {known_at:DateTime64(6, 'UTC')})) AS n ON n.key = r.key
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (namespace, name, version, depth, at, known_at): what a dataset or a version of it derives from'
