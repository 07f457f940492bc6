-- lineage.predictions: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.prediction_events_mv ${on_cluster}
