-- The versions of each dataset, found by the dataset
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.dataset_nodes ${on_cluster}
(
    `dataset` UInt64 COMMENT 'nodes.dataset.' CODEC(ZSTD(1)),
    `key` UInt64 COMMENT 'nodes.key of a version of it, or of the dataset with no version named.' CODEC(NONE)
)
ENGINE = ${replacing}
ORDER BY (dataset, key)
-- Looked up by key: each key costs a granule, and the whole compressed block of each column that it lies in.
SETTINGS ${settings(512)}
COMMENT 'The versions of each dataset, found by the dataset'
