-- Edge sets as received; their edges stand in edges_by_target, column_edges_by_target and run_link_rows
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.edge_set_events ${on_cluster}
(
    `emit_time` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(toUnixTimestamp64Micro(event_time) + emitted_after, 'UTC') COMMENT 'When the sender handed it over. With producer_id and sequence it stands first, so that the content digest leaves these three out.',
    `emitted_after` Int64 COMMENT 'From event_time until it was handed over, µs.' CODEC(T64('bit'), ZSTD(1)),
    `producer_id` UUID COMMENT 'The sender: one id for each life of a process that sends.',
    `sequence` Int64 COMMENT 'The sender\'s own count of what it sent, over all topics, from 1; 0 where it does not count.',
    `event_id` UUID COMMENT 'The message\'s id: UUIDv7 from our producer, else a digest of the content.' CODEC(NONE),
    `event_time` DateTime64(6, 'UTC') COMMENT 'When it was true.' CODEC(Delta, ZSTD(1)),
    `run_id` Nullable(UUID) COMMENT 'The run that made the edges; null where a job or dataset event states them.',
    `job_namespace` LowCardinality(String) COMMENT 'The job\'s namespace; empty where there is no job.',
    `job_name` LowCardinality(String) COMMENT 'The job\'s name; empty where there is no job.',
    `state` LowCardinality(String) COMMENT 'The run\'s state when the set was made; empty where there is no run.',
    `event_time_odd` Bool COMMENT 'Whether event_time lies outside [arrival - 10 years, arrival + 1 day]; such a row stands in the partition of its arrival.',
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it: the broker\'s append time, else the first insert, as precedence says; of repeated deliveries the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the earliest arrival, which is the row that stands: 2^63 - 1 less the µs from event_time to arrival.' CODEC(T64('bit'), ZSTD(1)),
    `kafka_topic` LowCardinality(String) COMMENT 'The topic, without prefix.',
    `kafka_partition` Int32 COMMENT 'The topic\'s partition.' CODEC(ZSTD(1)),
    `kafka_offset` Int64 COMMENT 'The offset in it.' CODEC(Delta, ZSTD(1)),
    `kafka_generation` LowCardinality(String) COMMENT 'Which life of the broker the offset belongs to, where offsets restart with it; else empty.',
    `kafka_key_is_run` Bool COMMENT 'Whether the message\'s key is the run\'s id, 16 bytes, as it is where there is a run.',
    `kafka_key_other` Nullable(String) COMMENT 'The message\'s key where it is another; empty where it is the run\'s id.' CODEC(ZSTD(1)),
    `kafka_key` Nullable(String) ALIAS if(kafka_key_is_run, CAST(UUIDStringToNum(toString(run_id)), 'Nullable(String)'), kafka_key_other) COMMENT 'The message\'s key.',
    `body_digest` FixedString(16) ALIAS toFixedString(substring(SHA256(raw_body), 1, 16), 16) COMMENT 'First 16 bytes of the SHA-256 of the body as received, computed when it is asked for.',
    `content_digest` FixedString(16) COMMENT 'BLAKE2b-128 of the body without emit_time, producer_id and sequence: equal in a client\'s retry.' CODEC(NONE),
    `schema_fingerprint` UInt64 COMMENT 'CRC-64-AVRO of the writer\'s schema, see the table schemas.' CODEC(ZSTD(1)),
    `raw_body` String COMMENT 'The body as received, without its header.' CODEC(ZSTD(3))
)
ENGINE = ${replacing(precedence)}
PARTITION BY toYear(if(event_time_odd, fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC'), event_time))
ORDER BY (job_namespace, job_name, event_time, event_id, content_digest)
SETTINGS ${settings}
COMMENT 'Edge sets as received; their edges stand in edges_by_target, column_edges_by_target and run_link_rows.'
