-- lineage.runs: sequence numbers
-- kind: immediate
DROP VIEW IF EXISTS ${database}.sequences_from_run_event_mv ${on_cluster}
