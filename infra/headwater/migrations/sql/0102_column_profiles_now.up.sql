-- Profiles of columns, one row a column, version and role: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.column_profiles ${on_cluster} AS
SELECT * FROM ${database}.column_profiles_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Profiles of columns, one row a column, version and role'
