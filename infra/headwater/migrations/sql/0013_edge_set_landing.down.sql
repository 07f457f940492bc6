-- Landing place of lineage.edges
-- kind: immediate
DROP TABLE IF EXISTS ${database}.edge_set_landing ${on_cluster}
