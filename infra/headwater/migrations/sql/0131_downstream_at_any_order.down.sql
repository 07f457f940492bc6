-- Parameterised (namespace, name, version, depth, at, known_at): what derives from a dataset or a version of it, by any of a dataset's names; the kind does not depend on arrival
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.downstream_at ${on_cluster} AS
${select(0124)}
