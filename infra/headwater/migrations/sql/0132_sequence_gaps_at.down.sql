-- Parameterised (at, known_at): ranges of numbers that never arrived, by producer
-- kind: immediate
DROP VIEW IF EXISTS ${database}.sequence_gaps_at ${on_cluster}
