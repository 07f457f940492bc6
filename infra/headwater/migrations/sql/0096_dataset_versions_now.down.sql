-- Versions of datasets: who wrote each, when, rows, bytes, fingerprint; null where nobody did: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.dataset_versions ${on_cluster} AS
${select(0054)}
