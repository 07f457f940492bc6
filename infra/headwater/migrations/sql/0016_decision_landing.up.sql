-- Landing place of lineage.decisions
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.decision_landing ${on_cluster}
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
    `kind` String,
    `actor` String,
    `reason` String,
    `namespace` String,
    `name` String,
    `version` Nullable(String),
    `column` Nullable(String),
    `job_namespace` String,
    `job_name` String,
    `rule` Nullable(String),
    `run_id` Nullable(FixedString(16)),
    `incident_id` Nullable(FixedString(16)),
    `subject` Nullable(String),
    `lifts` Nullable(FixedString(16)),
    `from_time` Nullable(Int64),
    `until_time` Nullable(Int64),
    `owners` Array(Tuple(`name` String, `type` Nullable(String))),
    `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))),
    `details` Map(String, String),
    `_check` Int64
)
ENGINE = Null
COMMENT 'What the archive inserts of lineage.decisions: its own columns, then the record as Avro lays it out. Keeps nothing.'
