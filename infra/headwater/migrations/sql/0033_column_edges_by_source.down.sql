-- Column edges, sorted for walks downstream
-- kind: immediate
DROP TABLE IF EXISTS ${database}.column_edges_by_source ${on_cluster}
