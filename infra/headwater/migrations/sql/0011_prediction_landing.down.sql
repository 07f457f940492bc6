-- Landing place of lineage.predictions
-- kind: immediate
DROP TABLE IF EXISTS ${database}.prediction_landing ${on_cluster}
