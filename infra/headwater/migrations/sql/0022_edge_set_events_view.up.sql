-- lineage.edges: what is kept of each message
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.edge_set_events_mv ${on_cluster} TO ${database}.edge_set_events AS
SELECT
    least(greatest(e.emit_time, -2208988800000000), 10413791999999999) - least(greatest(e.event_time, -2208988800000000), 10413791999999999) AS `emitted_after`,
    toUUID(UUIDNumToString(e.producer_id)) AS `producer_id`,
    e.sequence AS `sequence`,
    toUUID(UUIDNumToString(e.event_id)) AS `event_id`,
    fromUnixTimestamp64Micro(least(greatest(e.event_time, -2208988800000000), 10413791999999999), 'UTC') AS `event_time`,
    toUUID(UUIDNumToString(e.run_id)) AS `run_id`,
    e.job_namespace AS `job_namespace`,
    e.job_name AS `job_name`,
    e.state AS `state`,
    e.event_time < e._arrival - 315576000000000 OR e.event_time > e._arrival + 86400000000 AS `event_time_odd`,
    toUInt64(9223372036854775807 - (e._arrival - least(greatest(e.event_time, -2208988800000000), 10413791999999999))) AS `precedence`,
    'lineage.edges' AS `kafka_topic`,
    e._partition AS `kafka_partition`,
    e._offset AS `kafka_offset`,
    e._generation AS `kafka_generation`,
    ifNull(e._key = toString(e.run_id) AND length(e._key) = 16, false) AS `kafka_key_is_run`,
    if(isNull(e._key), NULL, if(kafka_key_is_run, '', assumeNotNull(e._key))) AS `kafka_key_other`,
    e._content_digest AS `content_digest`,
    reinterpretAsUInt64(e._fingerprint) AS `schema_fingerprint`,
    e._body AS `raw_body`
FROM ${database}.edge_set_landing AS e
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
