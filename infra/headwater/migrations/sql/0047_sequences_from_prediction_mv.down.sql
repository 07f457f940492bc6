-- lineage.predictions: sequence numbers
-- kind: immediate
DROP VIEW IF EXISTS ${database}.sequences_from_prediction_mv ${on_cluster}
