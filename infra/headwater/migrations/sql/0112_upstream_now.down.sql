-- Parameterised (namespace, name, version, depth): what a dataset or a version of it derives from: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.upstream ${on_cluster} AS
${select(0057)}
