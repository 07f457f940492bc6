-- Parameterised (at, known_at): event ids that stand for more than one content: all are kept, none is trusted over the other
-- kind: immediate
DROP VIEW IF EXISTS ${database}.conflicts_at ${on_cluster}
