-- Alerts as received: each is one state of an incident
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.alert_events ${on_cluster}
(
    `emit_time` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(toUnixTimestamp64Micro(event_time) + emitted_after, 'UTC') COMMENT 'When the sender handed it over. With producer_id and sequence it stands first, so that the content digest leaves these three out.',
    `emitted_after` Int64 COMMENT 'From event_time until it was handed over, µs.' CODEC(T64('bit'), ZSTD(1)),
    `producer_id` UUID COMMENT 'The sender: one id for each life of a process that sends.',
    `sequence` Int64 COMMENT 'The sender\'s own count of what it sent, over all topics, from 1; 0 where it does not count.',
    `event_id` UUID COMMENT 'The message\'s id: UUIDv7 from our producer, else a digest of the content.' CODEC(NONE),
    `event_time` DateTime64(6, 'UTC') COMMENT 'When it was true.' CODEC(Delta, ZSTD(1)),
    `incident_id` UUID COMMENT 'The incident.',
    `state` LowCardinality(String) COMMENT 'opened, updated, acknowledged or resolved.',
    `number` Int32 COMMENT 'Which state of the incident this is, from 1.',
    `page` Bool COMMENT 'Whether somebody should be woken.',
    `severity` Float64 COMMENT '0 to 1: the largest effect in it.',
    `title` String COMMENT 'A few words.' CODEC(ZSTD(1)),
    `explanation` String COMMENT 'One sentence: what changed, since when, which step made it, whom it reaches.' CODEC(ZSTD(1)),
    `check` LowCardinality(String) COMMENT 'The check that raised it.',
    `namespace` LowCardinality(String) COMMENT 'The dataset\'s namespace; empty where it is about a job or rule.',
    `name` LowCardinality(String) COMMENT 'The dataset\'s name; empty where it is about a job or rule.',
    `version` Nullable(String) COMMENT 'The dataset\'s version.' CODEC(ZSTD(1)),
    `column` LowCardinality(Nullable(String)) COMMENT 'The column.',
    `job_namespace` LowCardinality(String) COMMENT 'The job\'s namespace; empty where there is no job.',
    `job_name` LowCardinality(String) COMMENT 'The job\'s name; empty where there is no job.',
    `rule` LowCardinality(Nullable(String)) COMMENT 'The rule.',
    `run_id` Nullable(UUID) COMMENT 'The run.',
    `onset` Nullable(DateTime64(6, 'UTC')) COMMENT 'Since when.',
    `last_seen` Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when it was seen.',
    `root` Tuple(`kind` String, `namespace` String, `name` String, `version` Nullable(String), `column` Nullable(String), `job_namespace` String, `job_name` String, `run_id` Nullable(FixedString(16)), `score` Float64, `explanation` String, `path` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String)))) COMMENT 'The likeliest cause.' CODEC(ZSTD(1)),
    `causes` Array(Tuple(`kind` String, `namespace` String, `name` String, `version` Nullable(String), `column` Nullable(String), `job_namespace` String, `job_name` String, `run_id` Nullable(FixedString(16)), `score` Float64, `explanation` String, `path` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String))))) COMMENT 'All candidates, the likeliest first.' CODEC(ZSTD(1)),
    `verdicts` Array(UUID) COMMENT 'Verdicts in this incident.',
    `suppressed` Array(UUID) COMMENT 'Verdicts that the root explains; attached, never dropped.',
    `suppressed_by` Nullable(UUID) COMMENT 'The incident that explains this one.',
    `reaches` Array(Tuple(`namespace` String, `name` String, `version` Nullable(String), `version_origin` Nullable(String), `kind` String, `hops` Int32, `predictions` Nullable(Int64), `owners` Array(Tuple(`name` String, `type` Nullable(String))))) COMMENT 'What lies downstream.' CODEC(ZSTD(1)),
    `truncated` Bool COMMENT 'Whether reaches or causes was cut.',
    `truncated_because` Nullable(String) COMMENT 'Why it was cut.' CODEC(ZSTD(1)),
    `owners` Array(Tuple(`name` String, `type` Nullable(String))) COMMENT 'Who to tell.' CODEC(ZSTD(1)),
    `measures` Array(Tuple(`name` String, `value` Float64, `threshold` Nullable(Float64), `passed` Nullable(Bool), `comment` Nullable(String))) COMMENT 'Numbers and thresholds.' CODEC(ZSTD(1)),
    `evidence` Map(String, String) COMMENT 'Samples of both sides and whatever else explains it, JSON by name.' CODEC(ZSTD(1)),
    `command` Nullable(String) COMMENT 'A command that shows more, as it can be typed.' CODEC(ZSTD(1)),
    `sql` Nullable(String) COMMENT 'A SQL statement that shows the evidence.' CODEC(ZSTD(1)),
    `event_time_odd` Bool COMMENT 'Whether event_time lies outside [arrival - 10 years, arrival + 1 day]; such a row stands in the partition of its arrival.',
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it: the broker\'s append time, else the first insert, as precedence says; of repeated deliveries the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the earliest arrival, which is the row that stands: 2^63 - 1 less the µs from event_time to arrival.' CODEC(T64('bit'), ZSTD(1)),
    `kafka_topic` LowCardinality(String) COMMENT 'The topic, without prefix.',
    `kafka_partition` Int32 COMMENT 'The topic\'s partition.' CODEC(ZSTD(1)),
    `kafka_offset` Int64 COMMENT 'The offset in it.' CODEC(Delta, ZSTD(1)),
    `kafka_generation` LowCardinality(String) COMMENT 'Which life of the broker the offset belongs to, where offsets restart with it; else empty.',
    `kafka_key` Nullable(String) COMMENT 'The message\'s key.' CODEC(ZSTD(1)),
    `body_digest` FixedString(16) ALIAS toFixedString(substring(SHA256(raw_body), 1, 16), 16) COMMENT 'First 16 bytes of the SHA-256 of the body as received, computed when it is asked for.',
    `content_digest` FixedString(16) COMMENT 'BLAKE2b-128 of the body without emit_time, producer_id and sequence: equal in a client\'s retry.' CODEC(NONE),
    `schema_fingerprint` UInt64 COMMENT 'CRC-64-AVRO of the writer\'s schema, see the table schemas.' CODEC(ZSTD(1)),
    `raw_body` String COMMENT 'The body as received, without its header.' CODEC(ZSTD(3))
)
ENGINE = ${replacing(precedence)}
PARTITION BY toYear(if(event_time_odd, fromUnixTimestamp64Micro(least(greatest(toUnixTimestamp64Micro(event_time) + toInt64(9223372036854775807 - precedence), -2208988800000000), 10413791999999999), 'UTC'), event_time))
ORDER BY (incident_id, number, event_id, content_digest)
SETTINGS ${settings}
COMMENT 'Alerts as received: each is one state of an incident.'
