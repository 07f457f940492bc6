-- Runs are found by their id, also those that are there already
-- kind: long
ALTER TABLE ${database}.run_events ${on_cluster} CLEAR INDEX IF EXISTS by_known_run
