-- Landing place of lineage.dead-letters
-- kind: immediate
DROP TABLE IF EXISTS ${database}.dead_letter_landing ${on_cluster}
