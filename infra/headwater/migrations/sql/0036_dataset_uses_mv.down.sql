-- lineage.runs: each dataset that an event reads, writes or describes
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_uses_mv ${on_cluster}
