-- lineage.edges: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.edge_set_events_mv ${on_cluster}
