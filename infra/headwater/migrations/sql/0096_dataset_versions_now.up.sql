-- Versions of datasets: who wrote each, when, rows, bytes, fingerprint; null where nobody did: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.dataset_versions ${on_cluster} AS
SELECT * FROM ${database}.dataset_versions_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Versions of datasets: who wrote each, when, rows, bytes, fingerprint; null where nobody did'
