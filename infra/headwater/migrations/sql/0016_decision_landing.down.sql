-- Landing place of lineage.decisions
-- kind: immediate
DROP TABLE IF EXISTS ${database}.decision_landing ${on_cluster}
