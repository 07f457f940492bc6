-- lineage.edges: column edges, for walks downstream
-- kind: immediate
DROP VIEW IF EXISTS ${database}.column_edges_by_source_mv ${on_cluster}
