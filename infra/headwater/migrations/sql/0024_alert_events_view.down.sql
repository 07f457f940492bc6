-- lineage.alerts: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.alert_events_mv ${on_cluster}
