-- Names of datasets, from what events name
-- kind: immediate
DROP VIEW IF EXISTS ${database}.names_from_uses_mv ${on_cluster}
