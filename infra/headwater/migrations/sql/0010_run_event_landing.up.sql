-- Landing place of lineage.runs
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.run_event_landing ${on_cluster}
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
    `kind` String,
    `actor` Nullable(String),
    `purpose` Nullable(String),
    `run` Tuple(`run_id` FixedString(16), `state` String, `parent` Tuple(`run_id` FixedString(16), `job_namespace` String, `job_name` String), `root` Tuple(`run_id` FixedString(16), `job_namespace` String, `job_name` String), `nominal_start` Nullable(Int64), `nominal_end` Nullable(Int64), `trace_id` Nullable(FixedString(16)), `span_id` Nullable(FixedString(8)), `links` Array(Tuple(`run_id` Nullable(FixedString(16)), `trace_id` Nullable(FixedString(16)), `span_id` Nullable(FixedString(8)), `topic` Nullable(String), `partition` Nullable(Int32), `offset` Nullable(Int64))), `facets` Map(String, String)),
    `job` Tuple(`namespace` String, `name` String, `kind` Nullable(String), `processing` Nullable(String), `integration` Nullable(String), `description` Nullable(String), `owners` Array(Tuple(`name` String, `type` Nullable(String))), `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))), `code` Tuple(`repository` Nullable(String), `commit` Nullable(String), `branch` Nullable(String), `dirty` Nullable(Bool), `entrypoint` Nullable(String), `digest` Nullable(String), `language` Nullable(String), `source` Nullable(String)), `facets` Map(String, String)),
    `inputs` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String), `version_origin` Nullable(String), `kind` String, `rows` Nullable(Int64), `bytes` Nullable(Int64), `partitions` Array(String), `offset_ranges` Array(Tuple(`partition` Int32, `start` Int64, `end` Int64)), `subjects` Tuple(`algorithm` String, `key_id` Nullable(String), `hashes` Int32, `count` Int64, `bits` String), `aliases` Array(Tuple(`namespace` String, `name` String, `type` Nullable(String))), `lifecycle` Tuple(`change` String, `previous_namespace` Nullable(String), `previous_name` Nullable(String)), `columns` Array(Tuple(`name` String, `type` Nullable(String), `nullable` Nullable(Bool), `description` Nullable(String), `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))))), `columns_read` Array(String), `owners` Array(Tuple(`name` String, `type` Nullable(String))), `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))), `description` Nullable(String), `source_name` Nullable(String), `source_uri` Nullable(String), `origin` Nullable(String), `retention_class` Nullable(String), `fingerprint` Tuple(`algorithm` String, `digest` String), `assertions` Array(Tuple(`assertion` String, `column` Nullable(String), `success` Bool, `severity` Nullable(String), `details` Map(String, String))), `edges` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String))), `edges_complete` Bool, `column_lineage` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String), `column` Nullable(String), `target_column` Nullable(String), `transformation` String, `subtype` String, `description` Nullable(String), `masking` Bool, `confidence` Nullable(Float64), `captured` String)), `facets` Map(String, String))),
    `outputs` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String), `version_origin` Nullable(String), `kind` String, `rows` Nullable(Int64), `bytes` Nullable(Int64), `partitions` Array(String), `offset_ranges` Array(Tuple(`partition` Int32, `start` Int64, `end` Int64)), `subjects` Tuple(`algorithm` String, `key_id` Nullable(String), `hashes` Int32, `count` Int64, `bits` String), `aliases` Array(Tuple(`namespace` String, `name` String, `type` Nullable(String))), `lifecycle` Tuple(`change` String, `previous_namespace` Nullable(String), `previous_name` Nullable(String)), `columns` Array(Tuple(`name` String, `type` Nullable(String), `nullable` Nullable(Bool), `description` Nullable(String), `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))))), `columns_read` Array(String), `owners` Array(Tuple(`name` String, `type` Nullable(String))), `tags` Array(Tuple(`key` String, `value` String, `source` Nullable(String))), `description` Nullable(String), `source_name` Nullable(String), `source_uri` Nullable(String), `origin` Nullable(String), `retention_class` Nullable(String), `fingerprint` Tuple(`algorithm` String, `digest` String), `assertions` Array(Tuple(`assertion` String, `column` Nullable(String), `success` Bool, `severity` Nullable(String), `details` Map(String, String))), `edges` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String))), `edges_complete` Bool, `column_lineage` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String), `column` Nullable(String), `target_column` Nullable(String), `transformation` String, `subtype` String, `description` Nullable(String), `masking` Bool, `confidence` Nullable(Float64), `captured` String)), `facets` Map(String, String))),
    `parameters` Map(String, String),
    `environment` Map(String, String),
    `metrics` Array(Tuple(`name` String, `value` Float64, `step` Nullable(Int64), `split` Nullable(String), `about` Tuple(`namespace` String, `name` String, `version` Nullable(String)))),
    `resources` Tuple(`wall_time` Nullable(Int64), `cpu_time` Nullable(Int64), `gpu_time` Nullable(Int64), `peak_memory` Nullable(Int64), `bytes_read` Nullable(Int64), `bytes_written` Nullable(Int64), `cost` Nullable(Float64), `currency` Nullable(String)),
    `error` Tuple(`type` String, `message` String, `stack_trace` Nullable(String), `language` Nullable(String)),
    `_check` Int64
)
ENGINE = Null
COMMENT 'What the archive inserts of lineage.runs: its own columns, then the record as Avro lays it out. Keeps nothing.'
