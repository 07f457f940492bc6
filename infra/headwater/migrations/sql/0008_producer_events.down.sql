-- Producers opening, living, closing, as received
-- kind: immediate
DROP TABLE IF EXISTS ${database}.producer_events ${on_cluster}
