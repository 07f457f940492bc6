-- Nodes that edge sets name
-- kind: immediate
DROP VIEW IF EXISTS ${database}.nodes_from_edges_mv ${on_cluster}
