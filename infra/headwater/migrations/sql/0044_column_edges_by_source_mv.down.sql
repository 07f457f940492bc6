-- lineage.edges: which nodes each node leads to, by column edges
-- kind: immediate
DROP VIEW IF EXISTS ${database}.column_edges_by_source_mv ${on_cluster}
