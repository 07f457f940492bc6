-- When each run event was known first, for those that are there already
-- kind: long
TRUNCATE TABLE IF EXISTS ${database}.event_arrivals ${on_cluster}
