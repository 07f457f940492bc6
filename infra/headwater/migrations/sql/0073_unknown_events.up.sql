-- Parameterised (known_at): run events that were not known then
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.unknown_events ${on_cluster} AS
-- Few or none where known_at is now: the second and third look are only at what arrived later, for their earlier deliveries.
SELECT event_id
FROM ${database}.run_events
WHERE arrival > {known_at:DateTime64(6, 'UTC')} AND event_id NOT IN
(
    SELECT event_id FROM ${database}.run_events
    WHERE arrival <= {known_at:DateTime64(6, 'UTC')} AND event_id IN (SELECT event_id FROM ${database}.run_events WHERE arrival > {known_at:DateTime64(6, 'UTC')})
)
COMMENT 'Parameterised (known_at): run events that were not known then'
