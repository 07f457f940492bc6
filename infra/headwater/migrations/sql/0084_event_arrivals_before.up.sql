-- When each run event was known first, for those that are there already
-- kind: long
INSERT INTO ${database}.event_arrivals SELECT event_id, min(arrival), max(precedence) FROM ${database}.run_events GROUP BY event_id
