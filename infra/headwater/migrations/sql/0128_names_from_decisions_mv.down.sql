-- Names of datasets and jobs, from what people decide of their owners
-- kind: immediate
DROP VIEW IF EXISTS ${database}.names_from_decisions_mv ${on_cluster}
