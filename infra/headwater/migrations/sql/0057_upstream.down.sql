-- Parameterised (namespace, name, version, depth): what a dataset or a version of it derives from
-- kind: immediate
DROP VIEW IF EXISTS ${database}.upstream ${on_cluster}
