-- Links of runs to runs and messages
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.run_link_rows ${on_cluster}
(
    `run_id` UUID COMMENT 'The run.',
    `job_namespace` LowCardinality(String) COMMENT 'Its job\'s namespace.',
    `job_name` LowCardinality(String) COMMENT 'Its job\'s name.',
    `kind` LowCardinality(String) COMMENT 'parent, root or message.',
    `other_run_id` UUID COMMENT 'The other run; zeros where not known.',
    `other_job_namespace` LowCardinality(String) COMMENT 'The other run\'s job namespace; empty where not known.',
    `other_job_name` LowCardinality(String) COMMENT 'The other run\'s job name; empty where not known.',
    `trace_id` String COMMENT 'W3C trace id of the sender, hexadecimal; empty where not known.' CODEC(ZSTD(1)),
    `span_id` String COMMENT 'W3C span id of the sender, hexadecimal; empty where not known.' CODEC(ZSTD(1)),
    `topic` LowCardinality(String) COMMENT 'The message\'s topic; empty where it is no message.',
    `partition` Int32 COMMENT 'Its partition; -1 where not known.',
    `offset` Int64 COMMENT 'Its offset; -1 where not known.',
    `known_by` UUID COMMENT 'The event that made it known.',
    `known_at` DateTime64(6, 'UTC') COMMENT 'That event\'s event time.' CODEC(Delta, ZSTD(1)),
    `withdrawn_by` UUID COMMENT 'The event that withdrew it; zeros where it stands.',
    `withdrawn_at` DateTime64(6, 'UTC') COMMENT 'That event\'s event time; 1970 where it stands.' CODEC(Delta, ZSTD(1)),
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toInt64(18446744073709551615 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it, as precedence says; of repeated deliveries the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the row that stands: 2^64 - 1 less the arrival in µs.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${replacing(precedence)}
ORDER BY (run_id, kind, other_run_id, trace_id, span_id, topic, partition, offset, job_namespace, job_name, other_job_namespace, other_job_name, known_by, withdrawn_by)
SETTINGS ${settings}
COMMENT 'Links of runs to runs and messages'
