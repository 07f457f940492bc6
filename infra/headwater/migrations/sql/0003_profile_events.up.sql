-- Parts of profiles as received
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.profile_events ${on_cluster}
(
    `emit_time` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(toUnixTimestamp64Micro(event_time) + emitted_after, 'UTC') COMMENT 'When the sender handed it over. With producer_id and sequence it stands first, so that the content digest leaves these three out.',
    `emitted_after` Int64 COMMENT 'From event_time until it was handed over, µs.' CODEC(T64('bit'), ZSTD(1)),
    `producer_id` UUID COMMENT 'The sender: one id for each life of a process that sends.',
    `sequence` Int64 COMMENT 'The sender\'s own count of what it sent, over all topics, from 1; 0 where it does not count.',
    `event_id` UUID COMMENT 'The message\'s id: UUIDv7 from our producer, else a digest of the content.' CODEC(NONE),
    `event_time` DateTime64(6, 'UTC') COMMENT 'When it was true.' CODEC(Delta, ZSTD(1)),
    `part` Int32 COMMENT 'Which part of the event this message is, from 1.',
    `parts` Int32 COMMENT 'How many parts the event has; they share event_id.',
    `namespace` LowCardinality(String) COMMENT 'The dataset\'s OpenLineage namespace, e.g. postgres://host:5432.',
    `name` LowCardinality(String) COMMENT 'The dataset\'s name, unique in its namespace.',
    `version` Nullable(String) COMMENT 'The dataset\'s version. Two versions are equal when namespace, name and version are equal. Null: not known to the sender; a write is then given run:<run id>, a read is resolved by the history as of the read.' CODEC(ZSTD(1)),
    `version_origin` LowCardinality(Nullable(String)) COMMENT 'Where the version comes from, no part of the identity: store (the store\'s own), digest (of the content), run (run:<run id>) or declared.',
    `kind` LowCardinality(String) COMMENT 'What the dataset is: table, view, file, topic, feature_view, model, deployment, prediction_stream, report or another word; no part of the identity.',
    `run_id` Nullable(UUID) COMMENT 'The run that read or wrote it.',
    `job_namespace` LowCardinality(String) COMMENT 'The job\'s namespace; empty where there is no job.',
    `job_name` LowCardinality(String) COMMENT 'The job\'s name; empty where there is no job.',
    `role` LowCardinality(String) COMMENT 'output (as written), input (as read) or serving (as asked for at prediction).',
    `partitions` Array(String) COMMENT 'The slice it describes, as in the run event.' CODEC(ZSTD(1)),
    `window_start` Nullable(DateTime64(6, 'UTC')) COMMENT 'Streams: first event time in it.',
    `window_end` Nullable(DateTime64(6, 'UTC')) COMMENT 'Streams: last event time in it.',
    `rows` Int64 COMMENT 'Rows of the dataset or slice.',
    `sampled_rows` Nullable(Int64) COMMENT 'Rows looked at, where not all.',
    `columns_total` Int32 COMMENT 'Columns that the dataset has; more than the profile\'s parts hold where they were capped.',
    `fingerprint_algorithm` LowCardinality(String) COMMENT 'Name and version of the algorithm; fingerprints of different algorithms are not compared.',
    `fingerprint_digest` String COMMENT 'The digest: row count, sum and xor of the row hashes, as the algorithm lays them out.' CODEC(ZSTD(1)),
    `row_kmv` String COMMENT 'The 1,024 smallest 64-bit hashes of the rows, little-endian, ascending.' CODEC(ZSTD(1)),
    `hashing` LowCardinality(String) COMMENT 'Name and version of the hashing behind kmv and row_kmv; sketches of different hashings are not compared.',
    `columns` Array(Tuple(`name` String, `type` String, `declared_type` Nullable(String), `count` Int64, `nulls` Int64, `nans` Int64, `positive_infinities` Int64, `negative_infinities` Int64, `minimum` Nullable(Float64), `maximum` Nullable(Float64), `mean` Nullable(Float64), `m2` Nullable(Float64), `quantiles` Array(Float32), `quantiles_exact` Array(Float64), `values` Array(Tuple(`value` String, `count` Int64)), `other_values` Nullable(Int64), `distinct` Nullable(Int64), `distinct_exact` Bool, `kmv` String, `personal` Bool)) COMMENT 'The columns of this part.' CODEC(ZSTD(1)),
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
    `raw_body` String COMMENT 'The body as received, without its header.' CODEC(ZSTD(3))
)
ENGINE = ${replacing(precedence)}
PARTITION BY toYear(if(event_time_odd, fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC'), event_time))
ORDER BY (namespace, name, event_time, event_id, part, content_digest)
SETTINGS ${settings}
COMMENT 'Parts of profiles as received.'
