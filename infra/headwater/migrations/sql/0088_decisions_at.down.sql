-- Parameterised (at, known_at): what people decided
-- kind: immediate
DROP VIEW IF EXISTS ${database}.decisions_at ${on_cluster}
