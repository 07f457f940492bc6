-- What was archived, message by message, each entry chained to the one before
-- kind: immediate
DROP TABLE IF EXISTS ${database}.ledger ${on_cluster}
