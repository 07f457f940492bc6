-- Landing place of lineage.runs
-- kind: immediate
DROP TABLE IF EXISTS ${database}.run_event_landing ${on_cluster}
