-- lineage.dead-letters: what is kept of each message
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.dead_letter_events_mv ${on_cluster} TO ${database}.dead_letter_events AS
SELECT
    least(greatest(e.emit_time, -2208988800000000), 10413791999999999) - least(greatest(e.event_time, -2208988800000000), 10413791999999999) AS `emitted_after`,
    toUUID(UUIDNumToString(e.producer_id)) AS `producer_id`,
    e.sequence AS `sequence`,
    toUUID(UUIDNumToString(e.event_id)) AS `event_id`,
    fromUnixTimestamp64Micro(least(greatest(e.event_time, -2208988800000000), 10413791999999999), 'UTC') AS `event_time`,
    e.topic AS `topic`,
    e.`partition` AS `partition`,
    e.`offset` AS `offset`,
    e.generation AS `generation`,
    fromUnixTimestamp64Micro(least(greatest(e.timestamp, -2208988800000000), 10413791999999999), 'UTC') AS `timestamp`,
    e.`key` AS `key`,
    e.worker AS `worker`,
    e.reason AS `reason`,
    e.detail AS `detail`,
    e.length AS `length`,
    e.digest AS `digest`,
    e.body AS `body`,
    e.event_time < e._arrival - 315576000000000 OR e.event_time > e._arrival + 86400000000 AS `event_time_odd`,
    toUInt64(9223372036854775807 - (e._arrival - least(greatest(e.event_time, -2208988800000000), 10413791999999999))) AS `precedence`,
    'lineage.dead-letters' AS `kafka_topic`,
    e._partition AS `kafka_partition`,
    e._offset AS `kafka_offset`,
    e._generation AS `kafka_generation`,
    e._key AS `kafka_key`,
    e._content_digest AS `content_digest`,
    reinterpretAsUInt64(e._fingerprint) AS `schema_fingerprint`,
    e._body AS `raw_body`
FROM ${database}.dead_letter_landing AS e
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
