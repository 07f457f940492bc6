-- The versions of each dataset, found by the dataset, from what arrives
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.dataset_nodes_mv ${on_cluster} TO ${database}.dataset_nodes AS
SELECT DISTINCT sipHash64(namespace, name, toUInt8(1), '') AS dataset, sipHash64(namespace, name, toUInt8(isNull(version)), ifNull(version, '')) AS key FROM ${database}.nodes
