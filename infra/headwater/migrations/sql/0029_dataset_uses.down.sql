-- Each dataset as one event names it
-- kind: immediate
DROP TABLE IF EXISTS ${database}.dataset_uses ${on_cluster}
