-- lineage.edges: which nodes each node leads to, by dataset and column edges
-- kind: immediate
DROP VIEW IF EXISTS ${database}.edges_by_source_mv ${on_cluster}
