-- lineage.edges: links of runs
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.run_link_rows_mv ${on_cluster} TO ${database}.run_link_rows AS
SELECT
    ifNull(toUUID(UUIDNumToString(e.run_id)), toUUID('00000000-0000-0000-0000-000000000000')) AS run_id,
    e.job_namespace AS job_namespace,
    e.job_name AS job_name,
    x.kind AS kind,
    ifNull(toUUID(UUIDNumToString(x.run_id)), toUUID('00000000-0000-0000-0000-000000000000')) AS other_run_id,
    x.job_namespace AS other_job_namespace,
    x.job_name AS other_job_name,
    lower(hex(ifNull(x.trace_id, ''))) AS trace_id,
    lower(hex(ifNull(x.span_id, ''))) AS span_id,
    ifNull(x.topic, '') AS topic,
    ifNull(x.partition, -1) AS partition,
    ifNull(x.offset, -1) AS offset,
    toUUID(UUIDNumToString(e.events[x.known_by + 1].event_id)) AS known_by,
    fromUnixTimestamp64Micro(least(greatest(e.events[x.known_by + 1].event_time, -2208988800000000), 10413791999999999), 'UTC') AS known_at,
    if(x.withdrawn_by < 0, toUUID('00000000-0000-0000-0000-000000000000'), toUUID(UUIDNumToString(e.events[x.withdrawn_by + 1].event_id))) AS withdrawn_by,
    if(x.withdrawn_by < 0, toDateTime64(0, 6, 'UTC'), fromUnixTimestamp64Micro(least(greatest(e.events[x.withdrawn_by + 1].event_time, -2208988800000000), 10413791999999999), 'UTC')) AS withdrawn_at,
    18446744073709551615 - toUInt64(e._arrival) AS precedence
FROM ${database}.edge_set_landing AS e
ARRAY JOIN e.links AS x
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
