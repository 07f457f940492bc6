-- Parameterised (at, known_at): links of runs that stand: parent, root, messages taken
-- kind: immediate
DROP VIEW IF EXISTS ${database}.run_links_at ${on_cluster}
