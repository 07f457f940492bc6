-- Parameterised (at, known_at): column edges that stand, one row each
-- kind: immediate
DROP VIEW IF EXISTS ${database}.column_edges_at ${on_cluster}
