-- Who read, wrote or described which dataset: one row an event and dataset
-- kind: immediate
DROP VIEW IF EXISTS ${database}.uses ${on_cluster}
