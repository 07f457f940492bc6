-- Event ids that stand for more than one content: all are kept, none is trusted over the other
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.conflicts ${on_cluster} AS
SELECT kafka_topic, event_id, part, uniqExact(content_digest) AS contents, min(arrival) AS arrival
FROM
(
    SELECT kafka_topic, event_id, part, content_digest, arrival FROM ${database}.run_events
    UNION ALL
    SELECT kafka_topic, event_id, part, content_digest, arrival FROM ${database}.profile_events
    UNION ALL
    SELECT kafka_topic, event_id, 1, content_digest, arrival FROM ${database}.prediction_events
    UNION ALL
    SELECT kafka_topic, event_id, 1, content_digest, arrival FROM ${database}.decision_events
)
GROUP BY kafka_topic, event_id, part
HAVING contents > 1
COMMENT 'Event ids that stand for more than one content: all are kept, none is trusted over the other'
