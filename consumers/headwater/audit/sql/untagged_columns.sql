-- Which columns derive from a tagged one, unmasked, without carrying the tag themselves, and by which path.
-- param namespace String: The dataset's namespace.
-- param name String: The dataset's name.
-- param column String: The column.
-- param tag String = pii: The tag that those below should carry.
-- param depth UInt32 = 15: Edges down at most; truncated says whether more may lie beyond.
-- near column_edges: below
-- near uses: datasets
WITH RECURSIVE
    steps AS
    (
        SELECT DISTINCT source_namespace, source_name, source_column, target_namespace, target_name, target_column
        FROM column_edges_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
        WHERE NOT masking AND transformation = 'DIRECT' AND isNotNull(source_column) AND isNotNull(target_column) AND target_name != ''
    ),
    tagged AS
    (
        SELECT u.namespace AS namespace, u.name AS name, c.name AS column,
            argMax(arrayExists(t -> t.key = {tag:String}, c.tags), (u.event_time, toString(u.event_id))) AS carries
        FROM (SELECT * FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) WHERE notEmpty(columns)) AS u
        ARRAY JOIN u.columns AS c
        GROUP BY u.namespace, u.name, c.name
    ),
    reached AS
    (
        SELECT {namespace:String} AS namespace, {name:String} AS name, {column:String} AS column,
            [concat({namespace:String}, '/', {name:String}, '[', {column:String}, ']')] AS path, toUInt32(0) AS depth
        UNION ALL
        SELECT s.target_namespace, s.target_name, assumeNotNull(s.target_column),
            arrayPushBack(r.path, concat(s.target_namespace, '/', s.target_name, '[', assumeNotNull(s.target_column), ']')),
            r.depth + 1
        FROM reached AS r
        INNER JOIN steps AS s
            ON s.source_namespace = r.namespace AND s.source_name = r.name AND s.source_column = r.column
        WHERE r.depth < {depth:UInt32}
            AND NOT has(r.path, concat(s.target_namespace, '/', s.target_name, '[', assumeNotNull(s.target_column), ']'))
    )
SELECT
    min(r.depth) AS depth,
    r.namespace AS namespace,
    r.name AS name,
    r.column AS column,
    argMin(r.path, (r.depth, r.path)) AS path,
    CAST(max(max(r.depth)) OVER () >= {depth:UInt32}, 'Bool') AS truncated
FROM reached AS r
LEFT JOIN tagged AS t ON t.namespace = r.namespace AND t.name = r.name AND t.column = r.column
WHERE r.depth > 0 AND NOT t.carries
GROUP BY r.namespace, r.name, r.column
ORDER BY depth, namespace, name, column
SETTINGS join_use_nulls = 0
