-- lineage.decisions: sequence numbers
-- kind: immediate
DROP VIEW IF EXISTS ${database}.sequences_from_decision_mv ${on_cluster}
