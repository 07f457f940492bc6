-- Sequence numbers that arrived, 64 a row, from what arrives
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.sequence_bits_mv ${on_cluster} TO ${database}.sequence_bits AS
SELECT producer_id, intDiv(sequence, 64) AS word, groupBitOr(bitShiftLeft(toUInt64(1), sequence % 64)) AS bits
FROM ${database}.sequences
GROUP BY producer_id, word
