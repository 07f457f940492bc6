-- Parameterised (namespace, name, version, depth): what a dataset or a version of it derives from
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.upstream ${on_cluster} AS
-- Every node reached, with the fewest edges to it; truncated: the walk stopped at the depth given, more may lie beyond.
WITH RECURSIVE
    pairs AS
    (
        SELECT DISTINCT source_key, target_key FROM ${database}.edges WHERE source_key != 0 AND target_key != 0
    ),
    reached AS
    (
        SELECT n.key AS key, toUInt32(0) AS depth
        FROM ${database}.nodes AS n
        WHERE n.namespace = {namespace:String} AND n.name = {name:String}
            AND (isNull({version:Nullable(String)}) OR n.version = {version:Nullable(String)})
        UNION ALL
        SELECT DISTINCT p.source_key AS key, r.depth + 1 AS depth
        FROM pairs AS p
        INNER JOIN reached AS r ON p.target_key = r.key
        WHERE r.depth < {depth:UInt32}
    )
SELECT
    n.namespace AS namespace,
    n.name AS name,
    n.version AS version,
    n.kind AS kind,
    w.near AS depth,
    CAST(max(w.near) OVER () >= {depth:UInt32}, 'Bool') AS truncated,
    n.key AS key
FROM (SELECT key, min(depth) AS near FROM reached GROUP BY key) AS w
INNER JOIN (SELECT key, namespace, name, version, kind FROM ${database}.nodes FINAL) AS n ON n.key = w.key
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (namespace, name, version, depth): what a dataset or a version of it derives from'
