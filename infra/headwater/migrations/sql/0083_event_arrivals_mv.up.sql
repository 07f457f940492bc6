-- When each run event was known first, from what arrives
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.event_arrivals_mv ${on_cluster} TO ${database}.event_arrivals AS
SELECT
    toUUID(UUIDNumToString(e.event_id)) AS event_id,
    fromUnixTimestamp64Micro(least(greatest(e._arrival, -2208988800000000), 10413791999999999), 'UTC') AS arrival,
    18446744073709551615 - toUInt64(e._arrival) AS precedence
FROM ${database}.run_event_landing AS e
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
