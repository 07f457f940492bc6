-- Nodes that predictions name
-- kind: immediate
DROP VIEW IF EXISTS ${database}.nodes_from_predictions_mv ${on_cluster}
