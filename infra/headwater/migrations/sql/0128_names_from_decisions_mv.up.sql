-- Names of datasets and jobs, from what people decide of their owners
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.names_from_decisions_mv ${on_cluster} TO ${database}.names AS
SELECT DISTINCT
    if(d.name != '', 'dataset', 'job') AS about,
    if(d.name != '', d.namespace, d.job_namespace) AS namespace,
    if(d.name != '', d.name, d.job_name) AS name
FROM ${database}.decision_events AS d
WHERE d.kind = 'owner'
