-- lineage.runs: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.run_events_mv ${on_cluster}
