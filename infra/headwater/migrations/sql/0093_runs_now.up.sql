-- Runs, one row each: state, times, code, parameters, metrics: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.runs ${on_cluster} AS
SELECT * FROM ${database}.runs_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Runs, one row each: state, times, code, parameters, metrics'
