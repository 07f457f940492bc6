-- Parameterised (at, known_at): each state of each incident, as it was told
-- kind: immediate
DROP VIEW IF EXISTS ${database}.alerts_at ${on_cluster}
