-- What was said of datasets and their versions, each statement with its first arrival
-- kind: immediate
DROP TABLE IF EXISTS ${database}.nodes_known ${on_cluster}
