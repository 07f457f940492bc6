-- Parameterised (namespace, name, version, depth, at, known_at): what a dataset or a version of it derives from, by any of a dataset's names; the kind does not depend on arrival
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.upstream_at ${on_cluster} AS
${select(0123)}
