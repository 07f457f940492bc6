-- lineage.edges: column edges, for walks upstream
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.column_edges_by_target_mv ${on_cluster} TO ${database}.column_edges_by_target AS
WITH
    arrayMap(d -> sipHash64(d.namespace, d.name, toUInt8(isNull(d.version)), ifNull(d.version, '')), e.datasets) AS keys,
    arrayMap(d -> sipHash64(d.namespace, d.name, toUInt8(1), ''), e.datasets) AS names
SELECT
    if(x.source < 0, 0, keys[x.source + 1]) AS source,
    if(x.target < 0, 0, keys[x.target + 1]) AS target,
    if(x.source < 0, 0, names[x.source + 1]) AS source_dataset,
    if(x.target < 0, 0, names[x.target + 1]) AS target_dataset,
    x.column AS source_column,
    x.target_column AS target_column,
    x.transformation AS transformation,
    x.subtype AS subtype,
    x.description AS description,
    x.masking AS masking,
    x.confidence AS confidence,
    x.captured AS captured,
    ifNull(toUUID(UUIDNumToString(e.run_id)), toUUID('00000000-0000-0000-0000-000000000000')) AS run_id,
    e.job_namespace AS job_namespace,
    e.job_name AS job_name,
    toUUID(UUIDNumToString(e.events[x.known_by + 1].event_id)) AS known_by,
    fromUnixTimestamp64Micro(least(greatest(e.events[x.known_by + 1].event_time, -2208988800000000), 10413791999999999), 'UTC') AS known_at,
    if(x.withdrawn_by < 0, toUUID('00000000-0000-0000-0000-000000000000'), toUUID(UUIDNumToString(e.events[x.withdrawn_by + 1].event_id))) AS withdrawn_by,
    if(x.withdrawn_by < 0, toDateTime64(0, 6, 'UTC'), fromUnixTimestamp64Micro(least(greatest(e.events[x.withdrawn_by + 1].event_time, -2208988800000000), 10413791999999999), 'UTC')) AS withdrawn_at,
    toUInt64(9223372036854775807 - (e._arrival - toUnixTimestamp64Micro(known_at))) AS precedence
FROM ${database}.edge_set_landing AS e
ARRAY JOIN e.column_edges AS x
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
