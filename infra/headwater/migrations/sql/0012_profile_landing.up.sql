-- Landing place of lineage.profiles
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.profile_landing ${on_cluster}
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
    `part` Int32,
    `parts` Int32,
    `namespace` String,
    `name` String,
    `version` Nullable(String),
    `version_origin` Nullable(String),
    `kind` String,
    `run_id` Nullable(FixedString(16)),
    `job_namespace` String,
    `job_name` String,
    `role` String,
    `partitions` Array(String),
    `window_start` Nullable(Int64),
    `window_end` Nullable(Int64),
    `rows` Int64,
    `sampled_rows` Nullable(Int64),
    `columns_total` Int32,
    `fingerprint` Tuple(`algorithm` String, `digest` String),
    `row_kmv` String,
    `hashing` String,
    `columns` Array(Tuple(`name` String, `type` String, `declared_type` Nullable(String), `count` Int64, `nulls` Int64, `nans` Int64, `positive_infinities` Int64, `negative_infinities` Int64, `minimum` Nullable(Float64), `maximum` Nullable(Float64), `mean` Nullable(Float64), `m2` Nullable(Float64), `quantiles` Array(Float32), `quantiles_exact` Array(Float64), `values` Array(Tuple(`value` String, `count` Int64)), `other_values` Nullable(Int64), `distinct` Nullable(Int64), `distinct_exact` Bool, `kmv` String, `personal` Bool)),
    `facets` Map(String, String),
    `_check` Int64
)
ENGINE = Null
COMMENT 'What the archive inserts of lineage.profiles: its own columns, then the record as Avro lays it out. Keeps nothing.'
