-- Which nodes each node leads to, by any edge, for walks downstream
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.edges_by_source ${on_cluster}
(
    `source` UInt64 COMMENT 'nodes.key of the source.' CODEC(Delta, ZSTD(1)),
    `target` UInt64 COMMENT 'nodes.key of the target.' CODEC(NONE),
    `target_dataset` UInt64 COMMENT 'nodes.dataset of the target.' CODEC(ZSTD(1)),
    `unversioned` Bool COMMENT 'Whether the source is a dataset whose reader named no version.' CODEC(ZSTD(1))
)
-- Keys alone: what an edge says is looked up by them in edges_by_target and column_edges_by_target. Of 242,428 edges in one
-- part these rows take 18 bytes each, where whole ones took 77 for dataset edges and 84 for column edges; a step downstream
-- of 3 nodes costs 39 ms of CPU for 25, of 400 nodes 75 for 71, of a hub with 400 consumers 79 for 31.
ENGINE = ${replacing}
ORDER BY (source, target)
-- Looked up by key: each key costs a granule, and the whole compressed block of each column that it lies in.
-- 24 of 1,000,000 rows, CPU: 3.8 ms with granules of 1,024 rows in blocks of 64 KB, 1.8 as here; a row takes 19.0 bytes for 18.0.
SETTINGS ${settings(512)}
COMMENT 'Which nodes each node leads to, by any edge, for walks downstream'
