-- lineage.producers: what is kept of each message
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.producer_events_mv ${on_cluster} TO ${database}.producer_events AS
SELECT
    least(greatest(e.emit_time, -2208988800000000), 10413791999999999) - least(greatest(e.event_time, -2208988800000000), 10413791999999999) AS `emitted_after`,
    toUUID(UUIDNumToString(e.producer_id)) AS `producer_id`,
    e.sequence AS `sequence`,
    toUUID(UUIDNumToString(e.event_id)) AS `event_id`,
    fromUnixTimestamp64Micro(least(greatest(e.event_time, -2208988800000000), 10413791999999999), 'UTC') AS `event_time`,
    e.kind AS `kind`,
    e.last_sequence AS `last_sequence`,
    e.drops AS `drops`,
    e.service AS `service`,
    e.host AS `host`,
    e.client AS `client`,
    e.environment AS `environment`,
    e.event_time < e._arrival - 315576000000000 OR e.event_time > e._arrival + 86400000000 AS `event_time_odd`,
    toUInt64(9223372036854775807 - (e._arrival - least(greatest(e.event_time, -2208988800000000), 10413791999999999))) AS `precedence`,
    'lineage.producers' AS `kafka_topic`,
    e._partition AS `kafka_partition`,
    e._offset AS `kafka_offset`,
    e._generation AS `kafka_generation`,
    e._key AS `kafka_key`,
    e._content_digest AS `content_digest`,
    reinterpretAsUInt64(e._fingerprint) AS `schema_fingerprint`,
    e._body AS `raw_body`
FROM ${database}.producer_event_landing AS e
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
