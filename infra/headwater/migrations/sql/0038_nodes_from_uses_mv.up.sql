-- Nodes that runs, jobs and dataset events name
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.nodes_from_uses_mv ${on_cluster} TO ${database}.nodes AS
SELECT
    sipHash64(u.namespace, u.name, toUInt8(isNull(u.version)), ifNull(u.version, '')) AS key,
    sipHash64(u.namespace, u.name, toUInt8(1), '') AS dataset,
    u.namespace AS namespace,
    u.name AS name,
    u.version AS version,
    u.version_origin AS version_origin,
    u.kind AS kind,
    toUInt64(max(u.precedence) - if(u.kind IN ('', 'table'), 9223372036854775808, 0)) AS precedence
FROM ${database}.dataset_uses AS u
GROUP BY u.namespace, u.name, u.version, u.version_origin, u.kind
