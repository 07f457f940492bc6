-- Column edges, sorted for walks upstream
-- kind: immediate
DROP TABLE IF EXISTS ${database}.column_edges_by_target ${on_cluster}
