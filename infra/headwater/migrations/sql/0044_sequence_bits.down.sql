-- Sequence numbers that arrived, 64 a row, by producer
-- kind: immediate
DROP TABLE IF EXISTS ${database}.sequence_bits ${on_cluster}
