-- What people decided: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.decisions ${on_cluster} AS
SELECT * FROM ${database}.decisions_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'What people decided'
