-- Versions of datasets: who wrote each, when, rows, bytes, fingerprint; null where nobody did
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.dataset_versions ${on_cluster} AS
-- written_at: when the run that wrote it ended, else the last event that names it as written; a version that only
-- failed or aborted runs wrote has none, and no read is resolved to it.
SELECT
    n.namespace AS namespace,
    n.name AS name,
    assumeNotNull(n.version) AS version,
    n.version_origin AS version_origin,
    n.kind AS kind,
    w.run_id AS run_id,
    w.job_namespace AS job_namespace,
    w.job_name AS job_name,
    w.state AS run_state,
    if(w.state IN ('FAIL', 'ABORT'), NULL, w.written_at) AS written_at,
    w.rows AS rows,
    w.bytes AS bytes,
    w.fingerprint_algorithm AS fingerprint_algorithm,
    w.fingerprint_digest AS fingerprint_digest,
    n.arrival AS arrival,
    n.key AS key,
    n.dataset AS dataset
FROM (SELECT *, key, dataset, arrival FROM ${database}.nodes FINAL WHERE isNotNull(version)) AS n
LEFT JOIN
(
    SELECT
        u.namespace AS namespace,
        u.name AS name,
        u.version AS version,
        argMax(tuple(u.run_id), (u.event_time, toString(u.event_id), u.part, u.position, u.content)).1 AS run_id,
        argMax(u.job_namespace, (u.event_time, toString(u.event_id), u.part, u.position, u.content)) AS job_namespace,
        argMax(u.job_name, (u.event_time, toString(u.event_id), u.part, u.position, u.content)) AS job_name,
        argMax(tuple(r.state), (u.event_time, toString(u.event_id), u.part, u.position, u.content)).1 AS state,
        max(ifNull(r.ended_at, u.event_time)) AS written_at,
        argMaxIf(u.rows, (u.event_time, toString(u.event_id), u.part, u.position, u.content), isNotNull(u.rows)) AS rows,
        argMaxIf(u.bytes, (u.event_time, toString(u.event_id), u.part, u.position, u.content), isNotNull(u.bytes)) AS bytes,
        argMaxIf(u.fingerprint_algorithm, (u.event_time, toString(u.event_id), u.part, u.position, u.content), u.fingerprint_algorithm != '') AS fingerprint_algorithm,
        argMaxIf(u.fingerprint_digest, (u.event_time, toString(u.event_id), u.part, u.position, u.content), u.fingerprint_algorithm != '') AS fingerprint_digest
    FROM ${database}.dataset_uses AS u
    LEFT JOIN (SELECT run_id, job_namespace, job_name, state, ended_at FROM ${database}.runs) AS r
        ON r.run_id = u.run_id AND r.job_namespace = u.job_namespace AND r.job_name = u.job_name
    WHERE u.access = 'write' AND isNotNull(u.version)
    GROUP BY u.namespace, u.name, u.version
) AS w ON w.namespace = n.namespace AND w.name = n.name AND w.version = n.version
SETTINGS join_use_nulls = 1
COMMENT 'Versions of datasets: who wrote each, when, rows, bytes, fingerprint; null where nobody did'
