-- Links of runs to runs and messages
-- kind: immediate
DROP TABLE IF EXISTS ${database}.run_link_rows ${on_cluster}
