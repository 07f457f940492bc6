-- Parameterised (namespace, name, version, depth, at, known_at): what a dataset or a version of it derives from
-- kind: immediate
DROP VIEW IF EXISTS ${database}.upstream_at ${on_cluster}
