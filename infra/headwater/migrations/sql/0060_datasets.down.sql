-- Datasets, one row each: kind, versions, first and last use, schema, owners, tags
-- kind: immediate
DROP VIEW IF EXISTS ${database}.datasets ${on_cluster}
