-- lineage.runs: each dataset that an event reads
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_reads_mv ${on_cluster}
