-- What was said of datasets and their versions, each statement with its first arrival
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.nodes_known ${on_cluster}
(
    `key` UInt64 COMMENT 'As in nodes.' CODEC(NONE),
    `dataset` UInt64 COMMENT 'As in nodes.',
    `namespace` LowCardinality(String) COMMENT 'The dataset\'s namespace.',
    `name` LowCardinality(String) COMMENT 'The dataset\'s name.',
    `version` Nullable(String) COMMENT 'The version; null: the dataset with no version named.' CODEC(ZSTD(1)),
    `version_origin` LowCardinality(Nullable(String)) COMMENT 'Where the version comes from.',
    `kind` LowCardinality(String) COMMENT 'What it is said to be.',
    `arrival` DateTime64(6, 'UTC') COMMENT 'When we knew it; of repeated deliveries the earliest stands.' CODEC(Delta, ZSTD(1)),
    `precedence` UInt64 COMMENT 'Largest for what stands: a stated kind before the default, then the earliest arrival.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${replacing(precedence)}
ORDER BY (key, kind, ifNull(version_origin, ''))
-- Looked up by key, a granule each. Granules of 1,024 rows beside 8,192, in one part, asked in turn: 27 keys cost 35 ms of
-- CPU for 52 in nodes, 32 for 40 in edges_by_target; index and marks take 20 KB more for a million rows.
SETTINGS ${settings(1024)}
COMMENT 'What was said of datasets and their versions, each statement with its first arrival'
