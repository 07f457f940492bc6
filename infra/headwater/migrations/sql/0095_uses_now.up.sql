-- Who read, wrote or described which dataset: one row an event and dataset: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.uses ${on_cluster} AS
SELECT * FROM ${database}.uses_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Who read, wrote or described which dataset: one row an event and dataset'
