-- Edge sets as received; their edges stand in edges_by_target, column_edges_by_target and run_link_rows
-- kind: immediate
DROP TABLE IF EXISTS ${database}.edge_set_events ${on_cluster}
