-- The versions of each dataset, found by the dataset, of those that are there already
-- kind: long
TRUNCATE TABLE IF EXISTS ${database}.dataset_nodes ${on_cluster}
