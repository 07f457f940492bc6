-- Landing place of lineage.verdicts
-- kind: immediate
DROP TABLE IF EXISTS ${database}.verdict_landing ${on_cluster}
