-- Verdicts as received
-- kind: immediate
DROP TABLE IF EXISTS ${database}.verdict_events ${on_cluster}
