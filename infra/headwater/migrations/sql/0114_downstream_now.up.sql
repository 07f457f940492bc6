-- Parameterised (namespace, name, version, depth): what derives from a dataset or a version of it: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.downstream ${on_cluster} AS
SELECT * FROM ${database}.downstream_at(namespace = {namespace:String}, name = {name:String}, version = {version:Nullable(String)}, depth = {depth:UInt32}, at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Parameterised (namespace, name, version, depth): what derives from a dataset or a version of it'
