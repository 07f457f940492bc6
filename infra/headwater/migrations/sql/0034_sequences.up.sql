-- Sequence numbers that arrived, by producer
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.sequences ${on_cluster}
(
    `producer_id` UUID COMMENT 'The sender.',
    `sequence` Int64 COMMENT 'Its number, from 1.' CODEC(Delta, ZSTD(1)),
    `kafka_topic` LowCardinality(String) COMMENT 'The topic that it arrived on.',
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toInt64(18446744073709551615 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it, as precedence says; of repeated deliveries the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the row that stands: 2^64 - 1 less the arrival in µs.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${replacing(precedence)}
ORDER BY (producer_id, sequence, kafka_topic)
SETTINGS ${settings}
COMMENT 'Sequence numbers that arrived, by producer'
