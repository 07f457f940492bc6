-- Runs are found by their id: the views compare it as one that is not null
-- kind: immediate
ALTER TABLE ${database}.run_events ${on_cluster} DROP INDEX IF EXISTS by_known_run
