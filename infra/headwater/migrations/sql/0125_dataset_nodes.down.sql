-- The versions of each dataset, found by the dataset
-- kind: immediate
DROP TABLE IF EXISTS ${database}.dataset_nodes ${on_cluster}
