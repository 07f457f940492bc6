-- Datasets, one row each: kind, versions, first and last use, schema, owners, tags: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.datasets ${on_cluster} AS
${select(0060)}
