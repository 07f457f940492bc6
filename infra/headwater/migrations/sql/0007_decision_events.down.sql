-- Decisions as received
-- kind: immediate
DROP TABLE IF EXISTS ${database}.decision_events ${on_cluster}
