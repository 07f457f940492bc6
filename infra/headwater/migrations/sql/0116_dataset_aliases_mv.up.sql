-- Names that events say mean the same dataset: aliases and renames, each both ways round, from what arrives
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.dataset_aliases_mv ${on_cluster} TO ${database}.dataset_aliases AS
SELECT
    sipHash64(p.1, p.2, toUInt8(1), '') AS dataset,
    sipHash64(p.3, p.4, toUInt8(1), '') AS other,
    p.1 AS namespace,
    p.2 AS name,
    p.3 AS other_namespace,
    p.4 AS other_name,
    p.5 AS said,
    p.6 AS secondary,
    fromUnixTimestamp64Micro(least(greatest(e.event_time, -2208988800000000), 10413791999999999), 'UTC') AS event_time,
    18446744073709551615 - toUInt64(e._arrival) AS precedence
FROM ${database}.run_event_landing AS e
ARRAY JOIN arrayFlatten(arrayMap(d -> arrayConcat(
    arrayMap(a -> (d.1, d.2, a.namespace, a.name, 'alias', false), d.3),
    arrayMap(a -> (a.namespace, a.name, d.1, d.2, 'alias', true), d.3),
    if(ifNull(d.5, '') = '', [], [(d.1, d.2, ifNull(d.4, d.1), ifNull(d.5, ''), 'rename', false), (ifNull(d.4, d.1), ifNull(d.5, ''), d.1, d.2, 'rename', true)])),
    arrayMap(d -> (d.namespace, d.name, d.aliases, d.lifecycle.previous_namespace, d.lifecycle.previous_name),
        arrayFilter(d -> notEmpty(d.aliases) OR ifNull(d.lifecycle.previous_name, '') != '', arrayConcat(e.inputs, e.outputs))))) AS p
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent') AND p.4 != '' AND (p.1, p.2) != (p.3, p.4)
