-- Parameterised (at, known_at): datasets, one row each: kind, versions, first and last use, schema, owners, tags
-- kind: immediate
DROP VIEW IF EXISTS ${database}.datasets_at ${on_cluster}
