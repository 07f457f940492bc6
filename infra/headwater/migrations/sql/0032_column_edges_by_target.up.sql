-- Column edges, sorted by what they lead to
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.column_edges_by_target ${on_cluster}
(
    `source` UInt64 COMMENT 'nodes.key of the source; 0: a write with no read.' CODEC(NONE),
    `target` UInt64 COMMENT 'nodes.key of the target; 0: a read that writes nothing.' CODEC(ZSTD(1)),
    `source_dataset` UInt64 COMMENT 'nodes.dataset of the source.' CODEC(ZSTD(1)),
    `target_dataset` UInt64 COMMENT 'nodes.dataset of the target.' CODEC(ZSTD(1)),
    `source_column` LowCardinality(Nullable(String)) COMMENT 'The source column; null: the source as a whole.',
    `target_column` LowCardinality(Nullable(String)) COMMENT 'The target column; null: every column.',
    `transformation` LowCardinality(String) COMMENT 'DIRECT or INDIRECT; empty where not known.',
    `subtype` LowCardinality(String) COMMENT 'IDENTITY, TRANSFORMATION, AGGREGATION, JOIN, … ; empty where not known.',
    `description` Nullable(String) COMMENT 'The transformation in words or code.' CODEC(ZSTD(1)),
    `masking` Bool COMMENT 'Whether it hides the value.',
    `confidence` Nullable(Float64) COMMENT '0 to 1: how sure the capture is.',
    `captured` LowCardinality(String) COMMENT 'declared, parsed, observed, inferred or another word.',
    `run_id` UUID COMMENT 'The run that made it; zeros where a job or dataset event states it.' CODEC(ZSTD(1)),
    `job_namespace` LowCardinality(String) COMMENT 'The job\'s namespace.' CODEC(ZSTD(1)),
    `job_name` String COMMENT 'The job\'s name.' CODEC(ZSTD(1)),
    `known_by` UUID COMMENT 'The event that made it known.' CODEC(ZSTD(1)),
    `known_at` DateTime64(6, 'UTC') COMMENT 'That event\'s event time.' CODEC(T64('bit'), ZSTD(1)),
    `withdrawn_by` UUID COMMENT 'The event that withdrew it; zeros where it stands.' CODEC(ZSTD(1)),
    `withdrawn_at` DateTime64(6, 'UTC') COMMENT 'That event\'s event time; 1970 where it stands.' CODEC(Delta, ZSTD(1)),
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(known_at) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it, as precedence says; of repeated deliveries the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the row that stands: 2^63 - 1 less the µs from known_at to arrival.' CODEC(T64('bit'), ZSTD(1)),
    PROJECTION steps
    (
        SELECT source_dataset, source_column, target_dataset, target_column, transformation, masking,
            max(withdrawn_by != toUUID('00000000-0000-0000-0000-000000000000'))
        GROUP BY source_dataset, source_column, target_dataset, target_column, transformation, masking
    )
)
ENGINE = ${replacing(precedence)}
ORDER BY (target, source, ifNull(target_column, ''), ifNull(source_column, ''), transformation, subtype, masking, captured, ifNull(description, ''), ifNull(confidence, -1), run_id, job_namespace, job_name, known_by, known_at, withdrawn_by)
-- steps: which column of which dataset leads to which, whatever the versions, once; 98,000 of 229,000 rows, 4.4 bytes a row.
-- Looked up by key: each key costs a granule, and the whole compressed block of each column that it lies in.
-- 24 of 230,000 rows, CPU: 15.7 ms with granules of 1,024 rows in blocks of 64 KB and jobs' names in a dictionary, which is
-- read whole for any of them, 7.9 as here; a row takes 76.1 bytes for 76.7.
SETTINGS ${settings(512)}, deduplicate_merge_projection_mode = 'rebuild'
COMMENT 'Column edges, sorted by what they lead to'
