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
ARRAY JOIN arrayFlatten(arrayMap((n, m, a, w, v) -> arrayConcat(
    arrayMap(o -> (n, m, o.namespace, o.name, 'alias', false), a),
    arrayMap(o -> (o.namespace, o.name, n, m, 'alias', true), a),
    if(ifNull(v, '') = '', [], [(n, m, ifNull(w, n), ifNull(v, ''), 'rename', false), (ifNull(w, n), ifNull(v, ''), n, m, 'rename', true)])),
    arrayConcat(e.inputs.namespace, e.outputs.namespace),
    arrayConcat(e.inputs.name, e.outputs.name),
    arrayConcat(e.inputs.aliases, e.outputs.aliases),
    arrayConcat(e.inputs.lifecycle.previous_namespace, e.outputs.lifecycle.previous_namespace),
    arrayConcat(e.inputs.lifecycle.previous_name, e.outputs.lifecycle.previous_name))) AS p
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent') AND p.4 != '' AND (p.1, p.2) != (p.3, p.4)
