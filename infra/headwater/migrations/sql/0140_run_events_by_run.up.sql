-- Runs are found by their id: the views compare it as one that is not null
-- kind: immediate
ALTER TABLE ${database}.run_events ${on_cluster} ADD INDEX IF NOT EXISTS by_known_run assumeNotNull(run_id) TYPE bloom_filter(0.01) GRANULARITY 1
