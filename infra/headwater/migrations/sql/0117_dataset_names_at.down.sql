-- Parameterised (at, known_at): names that have others, each with the name that stands for all of them
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_names_at ${on_cluster}
