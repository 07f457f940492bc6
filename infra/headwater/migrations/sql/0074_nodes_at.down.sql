-- Parameterised (known_at): datasets and their versions, as they were known then; arrival says since when
-- kind: immediate
DROP VIEW IF EXISTS ${database}.nodes_at ${on_cluster}
