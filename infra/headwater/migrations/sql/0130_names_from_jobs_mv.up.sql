-- lineage.runs: names of jobs
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.names_from_jobs_mv ${on_cluster} TO ${database}.names AS
SELECT DISTINCT 'job' AS about, e.job.namespace AS namespace, e.job.name AS name
FROM ${database}.run_event_landing AS e
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
