-- Parameterised (known_at): run events that were not known then
-- kind: immediate
DROP VIEW IF EXISTS ${database}.unknown_events ${on_cluster}
