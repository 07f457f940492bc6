-- Parameterised (at, known_at): nodes that are another name of a node, each with that node
-- kind: immediate
DROP VIEW IF EXISTS ${database}.same_nodes_at ${on_cluster}
