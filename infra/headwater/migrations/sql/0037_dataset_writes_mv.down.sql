-- lineage.runs: each dataset that an event writes or describes
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_writes_mv ${on_cluster}
