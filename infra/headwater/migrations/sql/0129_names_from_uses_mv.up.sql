-- Names of datasets, from what events name
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.names_from_uses_mv ${on_cluster} TO ${database}.names AS
SELECT DISTINCT 'dataset' AS about, namespace, name FROM ${database}.dataset_uses
