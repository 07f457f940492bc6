-- Which nodes each node leads to, by any edge, for walks downstream
-- kind: immediate
DROP TABLE IF EXISTS ${database}.edges_by_source ${on_cluster}
