-- What was said of datasets and their versions, from what arrives
-- kind: immediate
DROP VIEW IF EXISTS ${database}.nodes_known_mv ${on_cluster}
