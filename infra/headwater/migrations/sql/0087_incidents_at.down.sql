-- Parameterised (at, known_at): incidents, one row each, as their newest alert tells them
-- kind: immediate
DROP VIEW IF EXISTS ${database}.incidents_at ${on_cluster}
