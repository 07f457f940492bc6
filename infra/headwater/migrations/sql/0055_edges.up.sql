-- Dataset edges that stand, one row each; a read that writes nothing has no target
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.edges ${on_cluster} AS
-- A read that named no version has, as source, the version that stood at the time of the read, marked inferred.
SELECT
    s.namespace AS source_namespace,
    s.name AS source_name,
    if(g.inferred, g.inferred_version, s.version) AS source_version,
    s.kind AS source_kind,
    t.namespace AS target_namespace,
    t.name AS target_name,
    t.version AS target_version,
    t.kind AS target_kind,
    g.explicit AS explicit,
    g.inferred AS inferred,
    if(g.run_id = toUUID('00000000-0000-0000-0000-000000000000'), NULL, g.run_id) AS run_id,
    g.job_namespace AS job_namespace,
    g.job_name AS job_name,
    g.known_by AS known_by,
    g.known_at AS event_time,
    g.arrival AS arrival,
    if(g.inferred, g.inferred_key, g.source) AS source_key,
    g.target AS target_key
FROM
(
    SELECT
        a.*,
        v.version AS inferred_version,
        v.key AS inferred_key,
        CAST(v.key != 0, 'Bool') AS inferred
    FROM
    (
        SELECT g.*, if(g.source = g.source_dataset, g.source_dataset, 0) AS unversioned, if(r.run_id = toUUID('00000000-0000-0000-0000-000000000000'), g.known_at, r.read_at) AS read_at
        FROM
        (
            SELECT
        a.source AS source,
        a.target AS target,
        a.source_dataset AS source_dataset,
        a.run_id AS run_id,
        a.job_namespace AS job_namespace,
        a.job_name AS job_name,
        max(a.explicit) AS explicit,
        argMin(a.known_by, (a.known_at, toString(a.known_by))) AS known_by,
        min(a.known_at) AS known_at,
        min(a.arrival) AS arrival
    FROM
    (
        SELECT
            e.source AS source,
            e.target AS target,
            e.source_dataset AS source_dataset,
            e.run_id AS run_id,
            e.job_namespace AS job_namespace,
            e.job_name AS job_name,
            e.explicit AS explicit,
            e.known_by AS known_by,
            min(e.known_at) AS known_at,
            min(e.arrival) AS arrival
        FROM ${database}.edges_by_target AS e
        GROUP BY e.source, e.target, e.source_dataset, e.run_id, e.job_namespace, e.job_name, e.explicit, e.known_by
        HAVING max(e.withdrawn_by != toUUID('00000000-0000-0000-0000-000000000000')) = 0
    ) AS a
    GROUP BY a.source, a.target, a.source_dataset, a.run_id, a.job_namespace, a.job_name
        ) AS g
        LEFT JOIN
        (
            SELECT assumeNotNull(u.run_id) AS run_id, sipHash64(u.namespace, u.name, toUInt8(1), '') AS dataset, min(u.event_time) AS read_at
            FROM ${database}.dataset_uses AS u
            WHERE u.access = 'read' AND isNull(u.version) AND isNotNull(u.run_id)
            GROUP BY run_id, dataset
        ) AS r ON r.run_id = g.run_id AND r.dataset = g.source
    ) AS a
    ASOF LEFT JOIN
    (
        -- Of versions written at one time that with the last text: else it would be any.
        SELECT w.dataset AS dataset, max((w.version, w.key)).2 AS key, max((w.version, w.key)).1 AS version, assumeNotNull(w.written_at) AS since
        FROM ${database}.dataset_versions AS w
        WHERE isNotNull(w.written_at)
        GROUP BY w.dataset, w.written_at
    ) AS v ON v.dataset = a.unversioned AND v.since <= a.read_at
) AS g
LEFT JOIN (SELECT key, namespace, name, version, kind FROM ${database}.nodes FINAL) AS s ON s.key = g.source
LEFT JOIN (SELECT key, namespace, name, version, kind FROM ${database}.nodes FINAL) AS t ON t.key = g.target
SETTINGS join_use_nulls = 0
COMMENT 'Dataset edges that stand, one row each; a read that writes nothing has no target'
