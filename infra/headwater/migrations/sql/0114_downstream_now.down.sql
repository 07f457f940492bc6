-- Parameterised (namespace, name, version, depth): what derives from a dataset or a version of it: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.downstream ${on_cluster} AS
${select(0058)}
