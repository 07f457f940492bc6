-- Predictions, one row each
-- kind: immediate
DROP VIEW IF EXISTS ${database}.predictions ${on_cluster}
