-- Sequence numbers that arrived, 64 a row, from what arrives
-- kind: immediate
DROP VIEW IF EXISTS ${database}.sequence_bits_mv ${on_cluster}
