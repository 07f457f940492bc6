-- Links of runs that stand: parent, root, messages taken
-- kind: immediate
DROP VIEW IF EXISTS ${database}.run_links ${on_cluster}
