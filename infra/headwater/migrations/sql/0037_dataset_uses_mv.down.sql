-- lineage.runs: each dataset that an event names
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_uses_mv ${on_cluster}
