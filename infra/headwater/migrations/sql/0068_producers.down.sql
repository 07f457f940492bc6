-- Producers, one row each: last number, what was dropped, how it ended
-- kind: immediate
DROP VIEW IF EXISTS ${database}.producers ${on_cluster}
