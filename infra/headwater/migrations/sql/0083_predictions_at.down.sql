-- Parameterised (at, known_at): predictions, one row each
-- kind: immediate
DROP VIEW IF EXISTS ${database}.predictions_at ${on_cluster}
