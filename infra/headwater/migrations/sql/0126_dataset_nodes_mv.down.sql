-- The versions of each dataset, found by the dataset, from what arrives
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_nodes_mv ${on_cluster}
