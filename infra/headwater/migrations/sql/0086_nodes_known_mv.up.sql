-- What was said of datasets and their versions, from what arrives
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.nodes_known_mv ${on_cluster} TO ${database}.nodes_known AS
SELECT key, dataset, namespace, name, version, version_origin, kind, arrival, precedence FROM ${database}.nodes
