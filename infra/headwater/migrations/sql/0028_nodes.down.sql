-- Datasets and their versions, one row each
-- kind: immediate
DROP TABLE IF EXISTS ${database}.nodes ${on_cluster}
