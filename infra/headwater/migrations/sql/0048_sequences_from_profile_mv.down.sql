-- lineage.profiles: sequence numbers
-- kind: immediate
DROP VIEW IF EXISTS ${database}.sequences_from_profile_mv ${on_cluster}
