-- Parameterised (at, known_at): versions of datasets: who wrote each, when, rows, bytes, fingerprint; null where nobody did
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_versions_at ${on_cluster}
