-- lineage.decisions: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.decision_events_mv ${on_cluster}
