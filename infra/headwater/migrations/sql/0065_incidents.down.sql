-- Incidents, one row each, as their newest alert tells them
-- kind: immediate
DROP VIEW IF EXISTS ${database}.incidents ${on_cluster}
