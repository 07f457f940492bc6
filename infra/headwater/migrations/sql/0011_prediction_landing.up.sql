-- Landing place of lineage.predictions
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.prediction_landing ${on_cluster}
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
    `actor` Nullable(String),
    `purpose` Nullable(String),
    `key` String,
    `key_form` String,
    `deployment` Tuple(`namespace` String, `name` String, `version` Nullable(String)),
    `stream` Tuple(`namespace` String, `name` String, `version` Nullable(String)),
    `model` Tuple(`namespace` String, `name` String, `version` Nullable(String)),
    `run_id` Nullable(FixedString(16)),
    `trace_id` Nullable(FixedString(16)),
    `span_id` Nullable(FixedString(8)),
    `message` Tuple(`topic` String, `partition` Int32, `offset` Int64),
    `subject` Nullable(String),
    `features_digest` Nullable(String),
    `features` Array(Tuple(`name` String, `value` Nullable(String), `digest` Nullable(String))),
    `outputs` Array(Tuple(`name` String, `value` Nullable(String), `digest` Nullable(String))),
    `sources` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String))),
    `facets` Map(String, String),
    `_check` Int64
)
ENGINE = Null
COMMENT 'What the archive inserts of lineage.predictions: its own columns, then the record as Avro lays it out. Keeps nothing.'
