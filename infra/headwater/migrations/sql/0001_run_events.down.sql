-- Run, job and dataset events as received
-- kind: immediate
DROP TABLE IF EXISTS ${database}.run_events ${on_cluster}
