-- lineage.edges: column edges, for walks upstream
-- kind: immediate
DROP VIEW IF EXISTS ${database}.column_edges_by_target_mv ${on_cluster}
