-- What was said of datasets and their versions, for those that are there already
-- kind: long
TRUNCATE TABLE IF EXISTS ${database}.nodes_known ${on_cluster}
