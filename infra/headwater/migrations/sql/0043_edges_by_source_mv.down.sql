-- lineage.edges: dataset edges, for walks downstream
-- kind: immediate
DROP VIEW IF EXISTS ${database}.edges_by_source_mv ${on_cluster}
