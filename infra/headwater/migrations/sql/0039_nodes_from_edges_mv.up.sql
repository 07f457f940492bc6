-- Nodes that edge sets name
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.nodes_from_edges_mv ${on_cluster} TO ${database}.nodes AS
SELECT
    d.namespace AS namespace,
    d.name AS name,
    d.version AS version,
    d.version_origin AS version_origin,
    d.kind AS kind,
    if(d.kind IN ('', 'table'), 9223372036854775807, 18446744073709551615) - toUInt64(min(e._arrival)) AS precedence
FROM ${database}.edge_set_landing AS e
ARRAY JOIN e.datasets AS d
WHERE NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
GROUP BY d.namespace, d.name, d.version, d.version_origin, d.kind
