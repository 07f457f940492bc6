-- Nodes that predictions name
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.nodes_from_predictions_mv ${on_cluster} TO ${database}.nodes AS
SELECT
    d.1 AS namespace,
    d.2 AS name,
    d.3 AS version,
    CAST(NULL, 'Nullable(String)') AS version_origin,
    d.4 AS kind,
    if(d.4 IN ('', 'table'), 9223372036854775807, 18446744073709551615) - toUInt64(min(e._arrival)) AS precedence
FROM ${database}.prediction_landing AS e
ARRAY JOIN arrayConcat(
    [(e.stream.namespace, e.stream.name, e.stream.version, 'prediction_stream'),
     (e.deployment.namespace, e.deployment.name, e.deployment.version, 'deployment'),
     (e.model.namespace, e.model.name, e.model.version, 'model')],
    arrayMap(s -> (s.namespace, s.name, s.version, ''), e.sources)) AS d
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
GROUP BY d.1, d.2, d.3, d.4
