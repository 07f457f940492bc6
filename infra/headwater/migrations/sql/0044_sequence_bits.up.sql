-- Sequence numbers that arrived, 64 a row, by producer
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.sequence_bits ${on_cluster}
(
    `producer_id` UUID COMMENT 'The sender.',
    `word` Int64 COMMENT 'Its numbers from 64 times this on.' CODEC(Delta, ZSTD(1)),
    `bits` SimpleAggregateFunction(groupBitOr, UInt64) COMMENT 'Which of the 64 arrived; the lowest bit is the first.' CODEC(ZSTD(1))
)
ENGINE = ${aggregating}
ORDER BY (producer_id, word)
SETTINGS ${settings}
COMMENT 'Sequence numbers that arrived, 64 a row, by producer'
