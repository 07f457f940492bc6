-- Parameterised (at, known_at): producers, one row each: last number, what was dropped, how it ended
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.producers_at ${on_cluster} AS
-- ended: closed, alive (heard of within 90 s of its last word, as of now), or unknown where it fell silent.
SELECT
    v.producer_id AS producer_id,
    argMax(v.service, (v.last_sequence, v.event_time, toString(v.event_id))) AS service,
    argMax(v.client, (v.last_sequence, v.event_time, toString(v.event_id))) AS client,
    min(v.event_time) AS opened_at,
    max(v.event_time) AS heard_at,
    max(v.last_sequence) AS last_sequence,
    CAST(max(v.kind = 'closed'), 'Bool') AS closed,
    if(closed, 'closed', if(max(v.arrival) > least(now64(6), {known_at:DateTime64(6, 'UTC')}) - INTERVAL 90 SECOND, 'alive', 'unknown')) AS ended,
    argMax(v.drops, (v.last_sequence, v.event_time, toString(v.event_id))) AS drops,
    argMax(v.environment, (v.last_sequence, v.event_time, toString(v.event_id))) AS environment,
    min(v.arrival) AS arrival
FROM ${database}.producer_events AS v WHERE v.event_time <= {at:DateTime64(6, 'UTC')} AND v.arrival <= {known_at:DateTime64(6, 'UTC')}
GROUP BY v.producer_id
COMMENT 'Parameterised (at, known_at): producers, one row each: last number, what was dropped, how it ended'
