-- Decisions as received
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.decision_events ${on_cluster}
(
    `emit_time` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(toUnixTimestamp64Micro(event_time) + emitted_after, 'UTC') COMMENT 'When the sender handed it over. With producer_id and sequence it stands first, so that the content digest leaves these three out.',
    `emitted_after` Int64 COMMENT 'From event_time until it was handed over, µs.' CODEC(T64('bit'), ZSTD(1)),
    `producer_id` UUID COMMENT 'The sender: one id for each life of a process that sends.',
    `sequence` Int64 COMMENT 'The sender\'s own count of what it sent, over all topics, from 1; 0 where it does not count.',
    `event_id` UUID COMMENT 'The message\'s id: UUIDv7 from our producer, else a digest of the content.' CODEC(NONE),
    `event_time` DateTime64(6, 'UTC') COMMENT 'When it was true.' CODEC(Delta, ZSTD(1)),
    `kind` LowCardinality(String) COMMENT 'accept (as the new normal), acknowledge, suppress, hold, erase, owner, tag or lift.',
    `actor` LowCardinality(String) COMMENT 'Who decided.',
    `reason` LowCardinality(String) COMMENT 'Why.',
    `namespace` LowCardinality(String) COMMENT 'The dataset\'s namespace; empty where it is about a job or rule.',
    `name` LowCardinality(String) COMMENT 'The dataset\'s name; empty where it is about a job or rule.',
    `version` Nullable(String) COMMENT 'The dataset\'s version.' CODEC(ZSTD(1)),
    `column` LowCardinality(Nullable(String)) COMMENT 'The column.',
    `job_namespace` LowCardinality(String) COMMENT 'The job\'s namespace; empty where there is no job.',
    `job_name` LowCardinality(String) COMMENT 'The job\'s name; empty where there is no job.',
    `rule` LowCardinality(Nullable(String)) COMMENT 'The rule.',
    `run_id` Nullable(UUID) COMMENT 'The run.',
    `incident_id` Nullable(UUID) COMMENT 'The incident it is about.',
    `subject` Nullable(String) COMMENT 'Keyed token of the person it is about, hex.' CODEC(ZSTD(1)),
    `lifts` Nullable(UUID) COMMENT 'The decision that this one lifts.',
    `from_time` Nullable(DateTime64(6, 'UTC')) COMMENT 'From when it holds.',
    `until_time` Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when it holds; null: until lifted.',
    `owners` Array(Tuple(`name` String, `type` Nullable(String))) COMMENT 'kind owner: the owners from now on.' CODEC(ZSTD(1)),
    `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))) COMMENT 'kind tag: the tags from now on.' CODEC(ZSTD(1)),
    `details` Map(String, String) COMMENT 'Whatever else belongs to it, JSON by name.' CODEC(ZSTD(1)),
    `event_time_odd` Bool COMMENT 'Whether event_time lies outside [arrival - 10 years, arrival + 1 day]; such a row stands in the partition of its arrival.',
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it: the broker\'s append time, else the first insert, as precedence says; of repeated deliveries the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the earliest arrival, which is the row that stands: 2^63 - 1 less the µs from event_time to arrival.' CODEC(T64('bit'), ZSTD(1)),
    `kafka_topic` LowCardinality(String) COMMENT 'The topic, without prefix.',
    `kafka_partition` Int32 COMMENT 'The topic\'s partition.' CODEC(ZSTD(1)),
    `kafka_offset` Int64 COMMENT 'The offset in it.' CODEC(Delta, ZSTD(1)),
    `kafka_generation` LowCardinality(String) COMMENT 'Which life of the broker the offset belongs to, where offsets restart with it; else empty.',
    `kafka_key` Nullable(String) COMMENT 'The message\'s key.' CODEC(ZSTD(1)),
    `body_digest` FixedString(16) ALIAS toFixedString(substring(SHA256(raw_body), 1, 16), 16) COMMENT 'First 16 bytes of the SHA-256 of the body as received, computed when it is asked for.',
    `content_digest` FixedString(16) COMMENT 'BLAKE2b-128 of the body without emit_time, producer_id and sequence: equal in a client\'s retry.' CODEC(NONE),
    `schema_fingerprint` UInt64 COMMENT 'CRC-64-AVRO of the writer\'s schema, see the table schemas.' CODEC(ZSTD(1)),
    `raw_body` String COMMENT 'The body as received, without its header.' CODEC(ZSTD(3))
)
ENGINE = ${replacing(precedence)}
PARTITION BY toYear(if(event_time_odd, fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC'), event_time))
ORDER BY (namespace, name, kind, event_time, event_id, content_digest)
SETTINGS ${settings}
COMMENT 'Decisions as received.'
