-- lineage.edges: dataset edges, for walks upstream
-- kind: immediate
DROP VIEW IF EXISTS ${database}.edges_by_target_mv ${on_cluster}
