-- Landing place of lineage.verdicts
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.verdict_landing ${on_cluster}
(
    `_partition` Int32,
    `_offset` Int64,
    `_generation` String,
    `_arrival` Int64,
    `_key` Nullable(String),
    `_content_digest` FixedString(16),
    `_fingerprint` FixedString(8),
    `_body` String,
    `emit_time` Int64,
    `producer_id` FixedString(16),
    `sequence` Int64,
    `event_id` FixedString(16),
    `event_time` Int64,
    `check` String,
    `outcome` String,
    `severity` Float64,
    `namespace` String,
    `name` String,
    `version` Nullable(String),
    `column` Nullable(String),
    `job_namespace` String,
    `job_name` String,
    `rule` Nullable(String),
    `run_id` Nullable(FixedString(16)),
    `partitions` Array(String),
    `onset` Nullable(Int64),
    `score` Float64,
    `usual` Nullable(Float64),
    `gates` Array(Tuple(`name` String, `value` Float64, `threshold` Nullable(Float64), `passed` Nullable(Bool), `comment` Nullable(String))),
    `baseline` Tuple(`kind` String, `runs` Int32, `rows` Nullable(Int64), `from_time` Nullable(Int64), `until_time` Nullable(Int64)),
    `explanation` String,
    `based_on` Array(FixedString(16)),
    `evidence` Map(String, String),
    `_check` Int64
)
ENGINE = Null
COMMENT 'What the archive inserts of lineage.verdicts: its own columns, then the record as Avro lays it out. Keeps nothing.'
