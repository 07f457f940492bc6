-- Names that events say mean the same dataset: aliases and renames, each both ways round
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.dataset_aliases ${on_cluster}
(
    `dataset` UInt64 COMMENT 'nodes.dataset of the one name.',
    `other` UInt64 COMMENT 'nodes.dataset of the other.',
    `namespace` LowCardinality(String) COMMENT 'The one name\'s namespace.',
    `name` LowCardinality(String) COMMENT 'The one name.',
    `other_namespace` LowCardinality(String) COMMENT 'The other name\'s namespace.',
    `other_name` LowCardinality(String) COMMENT 'The other name.',
    `said` LowCardinality(String) COMMENT 'alias (OpenLineage\'s symlinks) or rename (a lifecycle change).',
    `secondary` Bool COMMENT 'Whether the one name is the alias, or the name before the rename.',
    `event_time` DateTime64(6, 'UTC') COMMENT 'When an event says so.' CODEC(Delta, ZSTD(1)),
    `arrival` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(least(greatest(toInt64(18446744073709551615 - precedence), -2208988800000000), 10413791999999999), 'UTC') COMMENT 'When we knew it, as precedence says; of events of one time the earliest stands.',
    `precedence` UInt64 COMMENT 'Largest for the row that stands: 2^64 - 1 less the arrival in µs.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${replacing(precedence)}
ORDER BY (dataset, other, said, secondary, event_time)
SETTINGS ${settings}
COMMENT 'Names that events say mean the same dataset: aliases and renames, each both ways round'
