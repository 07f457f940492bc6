-- Sequence numbers that arrived, by producer
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.sequences ${on_cluster}
(
    `producer_id` UUID COMMENT 'The sender.',
    `sequence` Int64 COMMENT 'Its number, from 1.' CODEC(Delta, ZSTD(1)),
    `kafka_topic` LowCardinality(String) COMMENT 'The topic that it arrived on.',
    `arrival` DateTime64(6, 'UTC') COMMENT 'When we knew it; of repeated deliveries the earliest stands.' CODEC(Delta, ZSTD(1)),
    `precedence` UInt64 COMMENT 'Largest for the row that stands.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${replacing(precedence)}
ORDER BY (producer_id, sequence, kafka_topic)
SETTINGS ${settings}
COMMENT 'Sequence numbers that arrived, by producer'
