-- Landing place of lineage.dead-letters
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.dead_letter_landing ${on_cluster}
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
    `topic` String,
    `partition` Int32,
    `offset` Int64,
    `generation` Nullable(String),
    `timestamp` Nullable(Int64),
    `key` Nullable(String),
    `worker` String,
    `reason` String,
    `detail` String,
    `length` Int64,
    `digest` String,
    `body` String,
    `_check` Int64
)
ENGINE = Null
COMMENT 'What the archive inserts of lineage.dead-letters: its own columns, then the record as Avro lays it out. Keeps nothing.'
