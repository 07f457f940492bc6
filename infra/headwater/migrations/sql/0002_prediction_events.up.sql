-- Predictions as received
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.prediction_events ${on_cluster}
(
    `emit_time` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(toUnixTimestamp64Micro(event_time) + emitted_after, 'UTC') COMMENT 'When the sender handed it over. With producer_id and sequence it stands first, so that the content digest leaves these three out.',
    `emitted_after` Int64 COMMENT 'From event_time until it was handed over, µs.' CODEC(T64('bit'), ZSTD(1)),
    `producer_id` UUID COMMENT 'The sender: one id for each life of a process that sends.',
    `sequence` Int64 COMMENT 'The sender\'s own count of what it sent, over all topics, from 1; 0 where it does not count.',
    `event_id` UUID COMMENT 'The message\'s id: UUIDv7 from our producer, else a digest of the content.' CODEC(NONE),
    `event_time` DateTime64(6, 'UTC') COMMENT 'When it was true.' CODEC(Delta, ZSTD(1)),
    `actor` LowCardinality(Nullable(String)) COMMENT 'Who acted: a service, a user, a team.',
    `purpose` LowCardinality(Nullable(String)) COMMENT 'For what purpose.',
    `key` String COMMENT 'What the prediction is about, as its sender names it, in the form of key_form.' CODEC(ZSTD(1)),
    `key_form` LowCardinality(String) COMMENT 'digest (keyed, hex), public (as it is) or random (no key was set).',
    `deployment_namespace` LowCardinality(String) COMMENT 'The dataset\'s OpenLineage namespace, e.g. postgres://host:5432.',
    `deployment_name` LowCardinality(String) COMMENT 'The dataset\'s name, unique in its namespace.',
    `deployment_version` Nullable(String) COMMENT 'The dataset\'s version. Two versions are equal when namespace, name and version are equal. Null: not known to the sender; a write is then given run:<run id>, a read is resolved by the history as of the read.' CODEC(ZSTD(1)),
    `stream_namespace` LowCardinality(String) COMMENT 'The dataset\'s OpenLineage namespace, e.g. postgres://host:5432.',
    `stream_name` LowCardinality(String) COMMENT 'The dataset\'s name, unique in its namespace.',
    `stream_version` Nullable(String) COMMENT 'The dataset\'s version. Two versions are equal when namespace, name and version are equal. Null: not known to the sender; a write is then given run:<run id>, a read is resolved by the history as of the read.' CODEC(ZSTD(1)),
    `model_namespace` LowCardinality(String) COMMENT 'The dataset\'s OpenLineage namespace, e.g. postgres://host:5432.',
    `model_name` LowCardinality(String) COMMENT 'The dataset\'s name, unique in its namespace.',
    `model_version` Nullable(String) COMMENT 'The dataset\'s version. Two versions are equal when namespace, name and version are equal. Null: not known to the sender; a write is then given run:<run id>, a read is resolved by the history as of the read.' CODEC(ZSTD(1)),
    `run_id` Nullable(UUID) COMMENT 'The run that made it.',
    `trace_id` Nullable(String) COMMENT 'W3C trace id of the request. Hexadecimal.',
    `span_id` Nullable(String) COMMENT 'W3C span id of the request. Hexadecimal.',
    `message_topic` LowCardinality(String) COMMENT 'The topic.',
    `message_partition` Int32 COMMENT 'The partition.',
    `message_offset` Int64 COMMENT 'The offset.',
    `subject` Nullable(String) COMMENT 'Keyed token of the person it is about, hex.' CODEC(ZSTD(1)),
    `features_digest` Nullable(String) COMMENT 'Digest over all feature values, in the model\'s order.' CODEC(ZSTD(1)),
    `features` Array(Tuple(`name` String, `value` Nullable(String), `digest` Nullable(String))) COMMENT 'Feature values or their digests.' CODEC(ZSTD(1)),
    `outputs` Array(Tuple(`name` String, `value` Nullable(String), `digest` Nullable(String))) COMMENT 'What was answered, values or digests.' CODEC(ZSTD(1)),
    `sources` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String))) COMMENT 'Dataset versions that the features came from.' CODEC(ZSTD(1)),
    `facets` Map(String, String) COMMENT 'Whatever else the sender says, JSON by name.' CODEC(ZSTD(1)),
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
    `raw_body` String COMMENT 'The body as received, without its header.' CODEC(ZSTD(3)),
    INDEX by_key key TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_subject subject TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_event event_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${replacing(precedence)}
PARTITION BY toYear(if(event_time_odd, fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC'), event_time))
ORDER BY (stream_namespace, stream_name, event_time, event_id, content_digest)
SETTINGS ${settings}
COMMENT 'Predictions as received.'
