-- Alerts as received: each is one state of an incident
-- kind: immediate
DROP TABLE IF EXISTS ${database}.alert_events ${on_cluster}
