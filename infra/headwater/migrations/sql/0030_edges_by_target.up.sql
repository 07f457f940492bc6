-- Dataset edges, sorted by what they lead to
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.edges_by_target ${on_cluster}
(
    `source` UInt64 COMMENT 'nodes.key of the source; 0: a write with no read.' CODEC(NONE),
    `target` UInt64 COMMENT 'nodes.key of the target; 0: a read that writes nothing.' CODEC(ZSTD(1)),
    `source_dataset` UInt64 COMMENT 'nodes.dataset of the source.' CODEC(ZSTD(1)),
    `target_dataset` UInt64 COMMENT 'nodes.dataset of the target.' CODEC(ZSTD(1)),
    `run_id` UUID COMMENT 'The run that made it; zeros where a job or dataset event states it.' CODEC(ZSTD(1)),
    `job_namespace` LowCardinality(String) COMMENT 'The job\'s namespace.' CODEC(ZSTD(1)),
    `job_name` LowCardinality(String) COMMENT 'The job\'s name.' CODEC(ZSTD(1)),
    `explicit` Bool COMMENT 'Stated by the sender, not the product of inputs and outputs.',
    `known_by` UUID COMMENT 'The event that made it known.' CODEC(ZSTD(1)),
    `known_at` DateTime64(6, 'UTC') COMMENT 'That event\'s event time.' CODEC(Delta, ZSTD(1)),
    `withdrawn_by` UUID COMMENT 'The event that withdrew it; zeros where it stands.' CODEC(ZSTD(1)),
    `withdrawn_at` DateTime64(6, 'UTC') COMMENT 'That event\'s event time; 1970 where it stands.' CODEC(Delta, ZSTD(1)),
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toInt64(18446744073709551615 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it, as precedence says; of repeated deliveries the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the row that stands: 2^64 - 1 less the arrival in µs.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${replacing(precedence)}
ORDER BY (target, source, run_id, job_namespace, job_name, explicit, known_by, withdrawn_by)
-- Looked up by key, a granule each. Granules of 1,024 rows beside 8,192, in one part, asked in turn: 27 keys cost 35 ms of
-- CPU for 52 in nodes, 32 for 40 in edges_by_target; index and marks take 20 KB more for a million rows.
SETTINGS ${settings(1024)}
COMMENT 'Dataset edges, sorted by what they lead to'
