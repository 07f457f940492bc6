-- lineage.producers: sequence numbers
-- kind: immediate
DROP VIEW IF EXISTS ${database}.sequences_from_producer_event_mv ${on_cluster}
