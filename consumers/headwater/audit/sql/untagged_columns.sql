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
            argMax(arrayExists(t -> t.key = {tag:String}, c.tags), (u.event_time, UUIDToNum(u.event_id))) AS carries
        FROM (SELECT * FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) WHERE notEmpty(columns)) AS u
        ARRAY JOIN u.columns AS c
        GROUP BY u.namespace, u.name, c.name
    ),
    reached AS
    (
        -- Level by level, each column once, by the first in order of its shortest paths: of all paths there are far too many.
        SELECT
            [({namespace:String}, {name:String}, {column:String})] AS seen,
            [({namespace:String}, {name:String}, {column:String}, [concat({namespace:String}, '/', {name:String}, '[', {column:String}, ']')])] AS fresh,
            toUInt32(0) AS depth
        UNION ALL
        SELECT arrayConcat(any(before), groupArray((place.1, place.2, place.3))) AS seen, groupArray((place.1, place.2, place.3, path)) AS fresh, any(level) AS depth
        FROM
        (
            SELECT
                any(r.seen) AS before,
                any(r.depth) + 1 AS level,
                (s.target_namespace, s.target_name, assumeNotNull(s.target_column)) AS place,
                min(arrayPushBack(r.at.4, concat(s.target_namespace, '/', s.target_name, '[', assumeNotNull(s.target_column), ']'))) AS path
            FROM (SELECT seen, depth, arrayJoin(fresh) AS at FROM reached WHERE depth < {depth:UInt32}) AS r
            INNER JOIN steps AS s
                ON s.source_namespace = r.at.1 AND s.source_name = r.at.2 AND s.source_column = r.at.3
            WHERE NOT has(r.seen, (s.target_namespace, s.target_name, assumeNotNull(s.target_column)))
            GROUP BY place
        )
        HAVING notEmpty(fresh)
    )
SELECT
    r.depth AS depth,
    r.at.1 AS namespace,
    r.at.2 AS name,
    r.at.3 AS column,
    r.at.4 AS path,
    CAST(max(r.depth) OVER () >= {depth:UInt32}, 'Bool') AS truncated
FROM (SELECT depth, arrayJoin(fresh) AS at FROM reached WHERE depth > 0) AS r
LEFT JOIN tagged AS t ON t.namespace = r.at.1 AND t.name = r.at.2 AND t.column = r.at.3
WHERE NOT t.carries
ORDER BY depth, namespace, name, column
SETTINGS join_use_nulls = 0
