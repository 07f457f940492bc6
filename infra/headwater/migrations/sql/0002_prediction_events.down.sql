-- Predictions as received
-- kind: immediate
DROP TABLE IF EXISTS ${database}.prediction_events ${on_cluster}
