-- Landing place of lineage.producers
-- kind: immediate
DROP TABLE IF EXISTS ${database}.producer_event_landing ${on_cluster}
