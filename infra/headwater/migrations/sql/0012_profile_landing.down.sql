-- Landing place of lineage.profiles
-- kind: immediate
DROP TABLE IF EXISTS ${database}.profile_landing ${on_cluster}
