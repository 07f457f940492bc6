-- What could not be read, and why: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.dead_letters ${on_cluster} AS
SELECT * FROM ${database}.dead_letters_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'What could not be read, and why'
