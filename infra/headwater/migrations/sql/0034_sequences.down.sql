-- Sequence numbers that arrived, by producer
-- kind: immediate
DROP TABLE IF EXISTS ${database}.sequences ${on_cluster}
