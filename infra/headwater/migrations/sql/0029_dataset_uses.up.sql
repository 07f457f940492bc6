-- Each dataset as one event names it
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.dataset_uses ${on_cluster}
(
    `namespace` LowCardinality(String) COMMENT 'The dataset\'s namespace.',
    `name` LowCardinality(String) COMMENT 'The dataset\'s name.' CODEC(ZSTD(1)),
    `version` Nullable(String) COMMENT 'The version; a write without one has run:<run id>; null: a read that named none.' CODEC(ZSTD(3)),
    `version_origin` LowCardinality(Nullable(String)) COMMENT 'Where the version comes from; run where the history gave it.',
    `kind` LowCardinality(String) COMMENT 'What the dataset is.',
    `access` LowCardinality(String) COMMENT 'read, write or describe (a dataset event).' CODEC(ZSTD(1)),
    `run_id` Nullable(UUID) COMMENT 'The run.' CODEC(ZSTD(1)),
    `run_state` LowCardinality(String) COMMENT 'The run\'s state in that event.' CODEC(ZSTD(1)),
    `job_namespace` LowCardinality(String) COMMENT 'The job\'s namespace.',
    `job_name` LowCardinality(String) COMMENT 'The job\'s name.' CODEC(ZSTD(3)),
    `actor` LowCardinality(Nullable(String)) COMMENT 'Who acted.',
    `purpose` LowCardinality(Nullable(String)) COMMENT 'For what purpose.',
    `rows` Nullable(Int64) COMMENT 'Rows read or written.' CODEC(ZSTD(1)),
    `bytes` Nullable(Int64) COMMENT 'Bytes read or written.',
    `partitions` Array(String) COMMENT 'The slices read or written; empty: all of it, or not known.' CODEC(ZSTD(1)),
    `columns` Array(Tuple(`name` String, `type` Nullable(String), `nullable` Nullable(Bool), `description` Nullable(String), `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))))) COMMENT 'The schema; empty where not stated.' CODEC(ZSTD(3)),
    `columns_read` Array(String) COMMENT 'The columns that were read; empty: all, or not known.' CODEC(ZSTD(1)),
    `owners` Array(Tuple(`name` String, `type` Nullable(String))) COMMENT 'Who owns the dataset, as declared there.' CODEC(ZSTD(1)),
    `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))) COMMENT 'Tags of the dataset, as declared there.' CODEC(ZSTD(1)),
    `description` Nullable(String) COMMENT 'What the dataset holds.' CODEC(ZSTD(1)),
    `source_uri` Nullable(String) COMMENT 'Where it is.' CODEC(ZSTD(1)),
    `origin` Nullable(String) COMMENT 'Where the data come from and how they were collected.' CODEC(ZSTD(1)),
    `retention_class` LowCardinality(Nullable(String)) COMMENT 'The class by which the data are kept.',
    `lifecycle_change` LowCardinality(String) COMMENT 'ALTER, CREATE, DROP, OVERWRITE, RENAME or TRUNCATE; empty where nothing happened to the dataset itself.',
    `fingerprint_algorithm` LowCardinality(String) COMMENT 'Name and version of the fingerprint\'s algorithm.',
    `fingerprint_digest` String COMMENT 'Digest of the content.' CODEC(ZSTD(1)),
    `event_time` DateTime64(6, 'UTC') COMMENT 'When it was true.' CODEC(Delta, ZSTD(3)),
    `event_time_odd` Bool COMMENT 'Whether event_time lies outside [arrival - 10 years, arrival + 1 day].',
    `event_id` UUID COMMENT 'The event that names it.' CODEC(NONE),
    `part` Int32 COMMENT 'Which part of the event.',
    `position` UInt32 COMMENT 'Its place among the event\'s inputs or outputs, from 1.' CODEC(ZSTD(1)),
    `content` UInt32 COMMENT 'The first 4 bytes of the digest of that event\'s content: tells contents of one event apart.' CODEC(NONE),
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it, as precedence says; of repeated deliveries the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the row that stands: 2^63 - 1 less the µs from event_time to arrival.' CODEC(T64('bit'), ZSTD(1)),
    INDEX by_run run_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${replacing(precedence)}
PARTITION BY toYear(if(event_time_odd, fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC'), event_time))
ORDER BY (namespace, name, access, event_time, event_id, part, position, content)
-- Looked up by name, a granule in each partition: of 7 names 251,085 rows were read with granules of 8,192 rows in 10
-- partitions, an eighth with granules as here; a row takes 55.4 bytes for 54.8. By years instead of months the writes of one
-- name in 300 days cost 8 ms of CPU for 24, at the same size.
SETTINGS ${settings(1024)}
COMMENT 'Each dataset as one event names it'
