-- lineage.edges: dataset edges, for walks upstream
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.edges_by_target_mv ${on_cluster} TO ${database}.edges_by_target AS
WITH
    arrayMap(d -> sipHash64(d.namespace, d.name, toUInt8(isNull(d.version)), ifNull(d.version, '')), e.datasets) AS keys,
    arrayMap(d -> sipHash64(d.namespace, d.name, toUInt8(1), ''), e.datasets) AS names
SELECT
    if(x.1 < 0, 0, keys[x.1 + 1]) AS source,
    if(x.2 < 0, 0, keys[x.2 + 1]) AS target,
    if(x.1 < 0, 0, names[x.1 + 1]) AS source_dataset,
    if(x.2 < 0, 0, names[x.2 + 1]) AS target_dataset,
    ifNull(toUUID(UUIDNumToString(e.run_id)), toUUID('00000000-0000-0000-0000-000000000000')) AS run_id,
    e.job_namespace AS job_namespace,
    e.job_name AS job_name,
    x.5 AS explicit,
    toUUID(UUIDNumToString(e.events[x.3 + 1].event_id)) AS known_by,
    fromUnixTimestamp64Micro(least(greatest(e.events[x.3 + 1].event_time, -2208988800000000), 10413791999999999), 'UTC') AS known_at,
    if(x.4 < 0, toUUID('00000000-0000-0000-0000-000000000000'), toUUID(UUIDNumToString(e.events[x.4 + 1].event_id))) AS withdrawn_by,
    if(x.4 < 0, toDateTime64(0, 6, 'UTC'), fromUnixTimestamp64Micro(least(greatest(e.events[x.4 + 1].event_time, -2208988800000000), 10413791999999999), 'UTC')) AS withdrawn_at,
    toUInt64(9223372036854775807 - (e._arrival - toUnixTimestamp64Micro(known_at))) AS precedence
FROM ${database}.edge_set_landing AS e
ARRAY JOIN arrayConcat(
    arrayMap(y -> (y.source, y.target, y.known_by, y.withdrawn_by, y.explicit), e.edges),
    arrayFlatten(arrayMap(p -> arrayMap(s -> arrayMap(t -> (s, t, p.known_by, p.withdrawn_by, false), p.targets), p.sources), e.products))) AS x
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
