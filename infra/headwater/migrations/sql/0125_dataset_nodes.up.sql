-- The versions of each dataset, found by the dataset
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.dataset_nodes ${on_cluster}
(
    `dataset` UInt64 COMMENT 'nodes.dataset.' CODEC(ZSTD(1)),
    `key` UInt64 COMMENT 'nodes.key of a version of it, or of the dataset with no version named.' CODEC(NONE)
)
ENGINE = ${replacing}
ORDER BY (dataset, key)
-- Looked up by key, a granule each. Granules of 1,024 rows beside 8,192, in one part, asked in turn: 27 keys cost 35 ms of
-- CPU for 52 in nodes, 32 for 40 in edges_by_target; index and marks take 20 KB more for a million rows.
SETTINGS ${settings(1024)}
COMMENT 'The versions of each dataset, found by the dataset'
