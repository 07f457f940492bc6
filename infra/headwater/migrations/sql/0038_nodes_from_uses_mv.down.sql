-- Nodes that runs, jobs and dataset events name
-- kind: immediate
DROP VIEW IF EXISTS ${database}.nodes_from_uses_mv ${on_cluster}
