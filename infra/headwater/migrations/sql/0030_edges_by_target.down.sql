-- Dataset edges, sorted for walks upstream
-- kind: immediate
DROP TABLE IF EXISTS ${database}.edges_by_target ${on_cluster}
