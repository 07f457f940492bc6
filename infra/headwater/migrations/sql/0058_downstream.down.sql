-- Parameterised (namespace, name, version, depth): what derives from a dataset or a version of it
-- kind: immediate
DROP VIEW IF EXISTS ${database}.downstream ${on_cluster}
