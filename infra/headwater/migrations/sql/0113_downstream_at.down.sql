-- Parameterised (namespace, name, version, depth, at, known_at): what derives from a dataset or a version of it
-- kind: immediate
DROP VIEW IF EXISTS ${database}.downstream_at ${on_cluster}
