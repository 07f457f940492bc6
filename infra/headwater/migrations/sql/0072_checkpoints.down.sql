-- Checkpoints of the ledger that were exported
-- kind: immediate
DROP TABLE IF EXISTS ${database}.checkpoints ${on_cluster}
