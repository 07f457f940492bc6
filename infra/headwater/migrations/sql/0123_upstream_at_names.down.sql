-- Parameterised (namespace, name, version, depth, at, known_at): what a dataset or a version of it derives from, by any of a dataset's names
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.upstream_at ${on_cluster} AS
${select(0111)}
