-- Producers, one row each: last number, what was dropped, how it ended: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.producers ${on_cluster} AS
SELECT * FROM ${database}.producers_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Producers, one row each: last number, what was dropped, how it ended'
