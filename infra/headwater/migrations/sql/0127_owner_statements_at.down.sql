-- Parameterised (at, known_at): what was said of who owns a dataset or job, by events and by decisions that were not lifted
-- kind: immediate
DROP VIEW IF EXISTS ${database}.owner_statements_at ${on_cluster}
