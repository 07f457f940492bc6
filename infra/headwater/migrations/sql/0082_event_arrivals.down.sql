-- When each run event was known first
-- kind: immediate
DROP TABLE IF EXISTS ${database}.event_arrivals ${on_cluster}
