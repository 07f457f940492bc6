-- lineage.producers: sequence numbers
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.sequences_from_producer_event_mv ${on_cluster} TO ${database}.sequences AS
SELECT
    toUUID(UUIDNumToString(e.producer_id)) AS producer_id,
    e.sequence AS sequence,
    'lineage.producers' AS kafka_topic,
    18446744073709551615 - toUInt64(e._arrival) AS precedence
FROM ${database}.producer_event_landing AS e
WHERE e.sequence > 0 AND NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
