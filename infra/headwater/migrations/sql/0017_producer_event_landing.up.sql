-- Landing place of lineage.producers
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.producer_event_landing ${on_cluster}
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
    `last_sequence` Int64,
    `drops` Array(Tuple(`reason` String, `count` Int64)),
    `service` String,
    `host` Nullable(String),
    `client` String,
    `environment` Map(String, String),
    `_check` Int64
)
ENGINE = Null
COMMENT 'What the archive inserts of lineage.producers: its own columns, then the record as Avro lays it out. Keeps nothing.'
