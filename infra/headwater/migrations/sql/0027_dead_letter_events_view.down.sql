-- lineage.dead-letters: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dead_letter_events_mv ${on_cluster}
