-- Each state of each incident, as it was told: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.alerts ${on_cluster} AS
SELECT * FROM ${database}.alerts_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Each state of each incident, as it was told'
