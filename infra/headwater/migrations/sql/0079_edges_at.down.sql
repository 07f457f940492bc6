-- Parameterised (at, known_at): dataset edges that stand, one row each; a read that writes nothing has no target
-- kind: immediate
DROP VIEW IF EXISTS ${database}.edges_at ${on_cluster}
