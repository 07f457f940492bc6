-- Datasets, one row each: kind, versions, first and last use, schema, owners, tags: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.datasets ${on_cluster} AS
SELECT * FROM ${database}.datasets_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Datasets, one row each: kind, versions, first and last use, schema, owners, tags'
