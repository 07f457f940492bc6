-- Parameterised (at, known_at): who read, wrote or described which dataset: one row an event and dataset
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.uses_at ${on_cluster} AS
SELECT
    u.namespace AS namespace,
    u.name AS name,
    u.version AS version,
    u.version_origin AS version_origin,
    u.kind AS kind,
    u.access AS access,
    u.run_id AS run_id,
    u.run_state AS run_state,
    u.job_namespace AS job_namespace,
    u.job_name AS job_name,
    u.actor AS actor,
    u.purpose AS purpose,
    u.rows AS rows,
    u.bytes AS bytes,
    u.partitions AS partitions,
    u.columns AS columns,
    u.columns_read AS columns_read,
    u.owners AS owners,
    u.tags AS tags,
    u.lifecycle_change AS lifecycle_change,
    u.fingerprint_algorithm AS fingerprint_algorithm,
    u.fingerprint_digest AS fingerprint_digest,
    u.event_time AS event_time,
    u.event_time_odd AS event_time_odd,
    u.event_id AS event_id,
    u.arrival AS arrival
FROM ${database}.dataset_uses AS u FINAL WHERE u.event_time <= {at:DateTime64(6, 'UTC')} AND u.arrival <= {known_at:DateTime64(6, 'UTC')}
COMMENT 'Parameterised (at, known_at): who read, wrote or described which dataset: one row an event and dataset'
