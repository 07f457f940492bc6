-- lineage.runs: each dataset that an event names
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.dataset_uses_mv ${on_cluster} TO ${database}.dataset_uses AS
SELECT
    d.2.namespace AS namespace,
    d.2.name AS name,
    if(isNull(d.2.version) AND d.1 = 'write' AND isNotNull(if(e.run.run_id = toFixedString('', 16), NULL, toUUID(UUIDNumToString(e.run.run_id)))), concat('run:', toString(if(e.run.run_id = toFixedString('', 16), NULL, toUUID(UUIDNumToString(e.run.run_id))))), d.2.version) AS version,
    if(isNull(d.2.version) AND d.1 = 'write' AND isNotNull(if(e.run.run_id = toFixedString('', 16), NULL, toUUID(UUIDNumToString(e.run.run_id)))), 'run', d.2.version_origin) AS version_origin,
    d.2.kind AS kind,
    d.1 AS access,
    if(e.run.run_id = toFixedString('', 16), NULL, toUUID(UUIDNumToString(e.run.run_id))) AS run_id,
    e.run.state AS run_state,
    e.job.namespace AS job_namespace,
    e.job.name AS job_name,
    e.actor AS actor,
    e.purpose AS purpose,
    d.2.rows AS rows,
    d.2.bytes AS bytes,
    d.2.partitions AS partitions,
    d.2.columns AS columns,
    d.2.columns_read AS columns_read,
    d.2.owners AS owners,
    d.2.tags AS tags,
    d.2.description AS description,
    d.2.source_uri AS source_uri,
    d.2.origin AS origin,
    d.2.retention_class AS retention_class,
    d.2.lifecycle.change AS lifecycle_change,
    d.2.fingerprint.algorithm AS fingerprint_algorithm,
    d.2.fingerprint.digest AS fingerprint_digest,
    fromUnixTimestamp64Micro(least(greatest(e.event_time, -2208988800000000), 10413791999999999), 'UTC') AS event_time,
    e.event_time < e._arrival - 315576000000000 OR e.event_time > e._arrival + 86400000000 AS event_time_odd,
    toUUID(UUIDNumToString(e.event_id)) AS event_id,
    e.part AS part,
    d.3 AS position,
    e._content_digest AS content_digest,
    fromUnixTimestamp64Micro(least(greatest(e._arrival, -2208988800000000), 10413791999999999), 'UTC') AS arrival,
    18446744073709551615 - toUInt64(e._arrival) AS precedence
FROM ${database}.run_event_landing AS e
ARRAY JOIN arrayConcat(
    arrayMap((x, i) -> ('read', x, i), e.inputs, arrayEnumerate(e.inputs)),
    arrayMap((x, i) -> (if(e.kind = 'dataset' AND e.run.run_id = toFixedString('', 16), 'describe', 'write'), x, i), e.outputs, arrayEnumerate(e.outputs))) AS d
