-- Parts of profiles as received
-- kind: immediate
DROP TABLE IF EXISTS ${database}.profile_events ${on_cluster}
