-- Parameterised (at, known_at): who read, wrote or described which dataset: one row an event and dataset
-- kind: immediate
DROP VIEW IF EXISTS ${database}.uses_at ${on_cluster}
