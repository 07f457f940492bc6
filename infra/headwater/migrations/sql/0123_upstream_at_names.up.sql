-- Parameterised (namespace, name, version, depth, at, known_at): what a dataset or a version of it derives from, by any of a dataset's names
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.upstream_at ${on_cluster} AS
-- Every node reached, once, with the fewest edges to it, on cycles too; truncated: the walk stopped at the depth given, more
-- may lie beyond. The edges are read once and carried along as arrays: a recursive step that reads them would read
-- them again at each depth, and cannot know what it has visited. A node under several names is one.
-- Ends of edges and roots ([key, 0]) are renamed in one place. Other views stand here by their text: a view that reads views is
-- analysed again at every level, and a recursive one twice, and that costs more than the reading.
WITH RECURSIVE
    -- Names in the order in which one of them stands for all.
    (SELECT (groupArray(dataset), groupArray(same_as)) FROM (SELECT dataset, same_as FROM (${select(0117)}) ORDER BY secondary, namespace, name)) AS names,
    (
        SELECT (groupArray(key), groupArray(same_as))
        FROM
        (
            SELECT
                n.key AS key,
                first_value(n.key) OVER (PARTITION BY transform(n.dataset, names.1, names.2, n.dataset), isNull(n.version), ifNull(n.version, '') ORDER BY indexOf(names.1, n.dataset)) AS same_as
            FROM (
                SELECT * FROM (${select(0074)}) WHERE key IN (SELECT key FROM ${database}.dataset_nodes WHERE dataset IN (SELECT dataset FROM ${database}.dataset_aliases))
            ) AS n
            WHERE n.arrival <= {known_at:DateTime64(6, 'UTC')} AND has(names.1, n.dataset)
        )
        WHERE key != same_as
    ) AS same,
    walked AS
    (
        SELECT
            groupArrayIf(p.ends[1], p.ends[2] = 0) AS fresh,
            fresh AS seen,
            toUInt32(0) AS depth,
            groupArrayIf(p.ends[2], p.ends[2] != 0) AS froms,
            groupArrayIf(p.ends[1], p.ends[2] != 0) AS tos
        FROM
        (
            SELECT DISTINCT arrayMap(x -> transform(x, same.1, same.2, x), raw) AS ends
            FROM
            (
                SELECT [if(a.unversioned != 0 AND ifNull(v.key, 0) != 0, ifNull(v.key, 0), a.source), a.target] AS raw
                FROM
                (
                    SELECT
                        g.source AS source,
                        g.target AS target,
                        if(g.source = g.source_dataset, transform(g.source_dataset, names.1, names.2, g.source_dataset), 0) AS unversioned,
                        if(ifNull(r.run_id, toUUID('00000000-0000-0000-0000-000000000000')) = toUUID('00000000-0000-0000-0000-000000000000'), g.known_at, ifNull(r.read_at, g.known_at)) AS read_at
                    FROM (
                        SELECT e.source AS source, e.target AS target, e.source_dataset AS source_dataset, e.run_id AS run_id, e.known_at AS known_at
                        FROM
                        (
                            SELECT source, target, source_dataset, run_id, job_namespace, job_name, min(known_first) AS known_at
                            FROM
                            (
                                SELECT source, target, source_dataset, run_id, job_namespace, job_name, explicit, known_by, min(known_at) AS known_first
                                FROM ${database}.edges_by_target
                                WHERE source != 0 AND target != 0 AND known_at <= {at:DateTime64(6, 'UTC')} AND known_by NOT IN (${select(0073)})
                                GROUP BY source, target, source_dataset, run_id, job_namespace, job_name, explicit, known_by
                                HAVING max(withdrawn_by != toUUID('00000000-0000-0000-0000-000000000000') AND withdrawn_at <= {at:DateTime64(6, 'UTC')} AND withdrawn_by NOT IN (${select(0073)})) = 0
                            )
                            GROUP BY source, target, source_dataset, run_id, job_namespace, job_name
                        ) AS e
                    ) AS g
                    LEFT JOIN
                    (
                        SELECT assumeNotNull(u.run_id) AS run_id, sipHash64(u.namespace, u.name, toUInt8(1), '') AS dataset, min(u.event_time) AS read_at
                        FROM ${database}.dataset_uses AS u
                        WHERE u.event_time <= {at:DateTime64(6, 'UTC')} AND u.arrival <= {known_at:DateTime64(6, 'UTC')} AND u.access = 'read' AND isNull(u.version) AND isNotNull(u.run_id)
                        GROUP BY run_id, dataset
                    ) AS r ON r.run_id = g.run_id AND r.dataset = g.source
                ) AS a
                ASOF LEFT JOIN
                (
                    -- Of versions written at one time that with the last text: else it would be any.
                    SELECT transform(w.dataset, names.1, names.2, w.dataset) AS dataset, max((w.version, w.key)).2 AS key, w.written_at AS since
                    FROM (${select(0120)}) AS w
                    GROUP BY dataset, since
                ) AS v ON v.dataset = a.unversioned AND v.since <= a.read_at
                UNION ALL
                SELECT [n.key, 0] AS raw
                FROM (${select(0074)}) AS n
                WHERE n.arrival <= {known_at:DateTime64(6, 'UTC')}
                    AND transform(n.dataset, names.1, names.2, n.dataset) = transform(sipHash64({namespace:String}, {name:String}, toUInt8(1), ''), names.1, names.2, sipHash64({namespace:String}, {name:String}, toUInt8(1), ''))
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
INNER JOIN (
    SELECT key, namespace, name, version, kind FROM (${select(0074)})
) AS n ON n.key = r.key
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (namespace, name, version, depth, at, known_at): what a dataset or a version of it derives from'
