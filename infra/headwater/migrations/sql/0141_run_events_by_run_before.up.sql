-- Runs are found by their id, also those that are there already
-- kind: long
ALTER TABLE ${database}.run_events ${on_cluster} MATERIALIZE INDEX by_known_run
