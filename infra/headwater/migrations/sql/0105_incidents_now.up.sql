-- Incidents, one row each, as their newest alert tells them: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.incidents ${on_cluster} AS
SELECT * FROM ${database}.incidents_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Incidents, one row each, as their newest alert tells them'
