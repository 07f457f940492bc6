-- lineage.verdicts: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.verdict_events_mv ${on_cluster}
