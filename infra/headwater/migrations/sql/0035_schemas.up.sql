-- Writer schemas by fingerprint, without which archived bytes cannot be read
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.schemas ${on_cluster}
(
    `fingerprint` UInt64 COMMENT 'CRC-64-AVRO of the Parsing Canonical Form.',
    `name` LowCardinality(String) COMMENT 'The Avro full name.',
    `text` String COMMENT 'The schema as JSON text.' CODEC(ZSTD(3)),
    `arrival` DateTime64(6, 'UTC') COMMENT 'When we knew it; of repeated deliveries the earliest stands.' CODEC(Delta, ZSTD(1)),
    `precedence` UInt64 COMMENT 'Largest for the row that stands.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${replacing(precedence)}
ORDER BY (fingerprint)
SETTINGS ${settings}
COMMENT 'Writer schemas by fingerprint, without which archived bytes cannot be read'
