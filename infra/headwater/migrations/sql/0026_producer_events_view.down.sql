-- lineage.producers: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.producer_events_mv ${on_cluster}
