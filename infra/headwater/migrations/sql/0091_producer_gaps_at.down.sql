-- Parameterised (at, known_at): numbers that producers handed out and that never arrived, by range
-- kind: immediate
DROP VIEW IF EXISTS ${database}.producer_gaps_at ${on_cluster}
