-- Landing place of lineage.edges
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.edge_set_landing ${on_cluster}
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
    `run_id` Nullable(FixedString(16)),
    `job_namespace` String,
    `job_name` String,
    `state` String,
    `events` Array(Tuple(`event_id` FixedString(16), `event_time` Int64)),
    `datasets` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String), `version_origin` Nullable(String), `kind` String)),
    `edges` Array(Tuple(`source` Int32, `target` Int32, `known_by` Int32, `withdrawn_by` Int32, `explicit` Bool)),
    `products` Array(Tuple(`sources` Array(Int32), `targets` Array(Int32), `known_by` Int32, `withdrawn_by` Int32)),
    `column_edges` Array(Tuple(`source` Int32, `target` Int32, `known_by` Int32, `withdrawn_by` Int32, `column` Nullable(String), `target_column` Nullable(String), `transformation` String, `subtype` String, `description` Nullable(String), `masking` Bool, `confidence` Nullable(Float64), `captured` String)),
    `links` Array(Tuple(`kind` String, `known_by` Int32, `withdrawn_by` Int32, `run_id` Nullable(FixedString(16)), `job_namespace` String, `job_name` String, `trace_id` Nullable(FixedString(16)), `span_id` Nullable(FixedString(8)), `topic` Nullable(String), `partition` Nullable(Int32), `offset` Nullable(Int64))),
    `_check` Int64
)
ENGINE = Null
COMMENT 'What the archive inserts of lineage.edges: its own columns, then the record as Avro lays it out. Keeps nothing.'
