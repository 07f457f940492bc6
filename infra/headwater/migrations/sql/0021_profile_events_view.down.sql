-- lineage.profiles: what is kept of each message
-- kind: immediate
DROP VIEW IF EXISTS ${database}.profile_events_mv ${on_cluster}
