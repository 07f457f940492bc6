-- Parameterised (namespace, name, version, depth, at, known_at): what derives from a dataset or a version of it, by any of a dataset's names
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.downstream_at ${on_cluster} AS
-- Every node reached, once, with the fewest edges to it, on cycles too; truncated: the walk stopped at the depth given, more
-- may lie beyond. The edges are read once and carried along as arrays: a recursive step that reads them would read
-- them again at each depth, and cannot know what it has visited. A node under several names is one.
-- Ends of edges and roots ([key, 0]) are renamed in one place: each mention of a view costs its planning.
WITH RECURSIVE
    (SELECT (groupArray(key), groupArray(same_as)) FROM ${database}.same_nodes_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})) AS same,
    walked AS
    (
        SELECT
            groupArrayIf(p.ends[1], p.ends[2] = 0) AS fresh,
            fresh AS seen,
            toUInt32(0) AS depth,
            groupArrayIf(p.ends[1], p.ends[2] != 0) AS froms,
            groupArrayIf(p.ends[2], p.ends[2] != 0) AS tos
        FROM
        (
            SELECT DISTINCT arrayMap(x -> transform(x, same.1, same.2, x), raw) AS ends
            FROM
            (
                SELECT [e.source_key, e.target_key] AS raw
                FROM ${database}.edges_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS e
                WHERE e.source_key != 0 AND e.target_key != 0
                UNION ALL
                SELECT [n.key, 0] AS raw
                FROM ${database}.nodes_at(known_at = {known_at:DateTime64(6, 'UTC')}) AS n
                WHERE n.arrival <= {known_at:DateTime64(6, 'UTC')} AND ((n.namespace = {namespace:String} AND n.name = {name:String}) OR n.dataset IN
                    (
                        SELECT arrayJoin(names) FROM (SELECT groupArray(dataset) AS names FROM ${database}.dataset_names_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) GROUP BY same_as)
                        WHERE has(names, sipHash64({namespace:String}, {name:String}, toUInt8(1), ''))
                    ))
                    AND (isNull({version:Nullable(String)}) OR n.version = {version:Nullable(String)})
            )
        ) AS p
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
COMMENT 'Parameterised (namespace, name, version, depth, at, known_at): what derives from a dataset or a version of it'
