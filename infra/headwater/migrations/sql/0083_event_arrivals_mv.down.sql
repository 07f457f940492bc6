-- When each run event was known first, from what arrives
-- kind: immediate
DROP VIEW IF EXISTS ${database}.event_arrivals_mv ${on_cluster}
