-- lineage.runs: names of jobs
-- kind: immediate
DROP VIEW IF EXISTS ${database}.names_from_jobs_mv ${on_cluster}
