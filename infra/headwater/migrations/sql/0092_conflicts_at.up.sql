-- Parameterised (at, known_at): event ids that stand for more than one content: all are kept, none is trusted over the other
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.conflicts_at ${on_cluster} AS
SELECT kafka_topic, event_id, part, uniqExact(content_digest) AS contents, min(arrival) AS arrival
FROM
(
    SELECT kafka_topic, event_id, part, content_digest, arrival FROM ${database}.run_events WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')}
    UNION ALL
    SELECT kafka_topic, event_id, part, content_digest, arrival FROM ${database}.profile_events WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')}
    UNION ALL
    SELECT kafka_topic, event_id, 1, content_digest, arrival FROM ${database}.prediction_events WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')}
    UNION ALL
    SELECT kafka_topic, event_id, 1, content_digest, arrival FROM ${database}.decision_events WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')}
)
GROUP BY kafka_topic, event_id, part
HAVING contents > 1
COMMENT 'Parameterised (at, known_at): event ids that stand for more than one content: all are kept, none is trusted over the other'
