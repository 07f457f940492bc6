-- The versions of each dataset, found by the dataset, from what arrives
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.dataset_nodes_mv ${on_cluster} TO ${database}.dataset_nodes AS
SELECT DISTINCT dataset, key FROM ${database}.nodes
