-- Parameterised (at, known_at): producers, one row each: last number, what was dropped, how it ended
-- kind: immediate
DROP VIEW IF EXISTS ${database}.producers_at ${on_cluster}
