-- What was archived, message by message, each entry chained to the one before
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.ledger ${on_cluster}
(
    `kafka_topic` LowCardinality(String) COMMENT 'The topic, without prefix.',
    `kafka_partition` Int32 COMMENT 'The topic\'s partition.',
    `kafka_generation` LowCardinality(String) COMMENT 'Which life of the broker the offsets belong to, where offsets restart with it; else empty.',
    `first_offset` Int64 COMMENT 'Offset of the entry\'s first message.',
    `last_offset` Int64 COMMENT 'Offset of its last message.',
    `messages` UInt32 COMMENT 'How many messages the entry has.',
    `offsets` Array(Int64) COMMENT 'Their offsets, in order.' CODEC(Delta, ZSTD(1)),
    `digests` String COMMENT 'Their body digests one after the other, 16 bytes each: the first half of the SHA-256 of each body as received.' CODEC(NONE),
    `contents` String COMMENT 'Their content digests, 16 bytes each: what names the twin of a message that was merged away.' CODEC(NONE),
    `previous` FixedString(32) COMMENT 'The chain digest of the partition\'s entry before; zeros in the first.' CODEC(NONE),
    `chain` FixedString(32) COMMENT 'SHA-256 of previous and of all that this entry says.' CODEC(NONE),
    `written` DateTime64(6, 'UTC') COMMENT 'When the archive wrote the entry.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${appending}
ORDER BY (kafka_topic, kafka_generation, kafka_partition, first_offset)
SETTINGS ${settings}
COMMENT 'What was archived, message by message, each entry chained to the one before'
