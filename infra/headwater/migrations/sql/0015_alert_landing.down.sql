-- Landing place of lineage.alerts
-- kind: immediate
DROP TABLE IF EXISTS ${database}.alert_landing ${on_cluster}
