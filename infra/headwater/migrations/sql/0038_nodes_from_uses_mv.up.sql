-- Nodes that runs, jobs and dataset events name
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.nodes_from_uses_mv ${on_cluster} TO ${database}.nodes AS
SELECT
    u.namespace AS namespace,
    u.name AS name,
    u.version AS version,
    u.version_origin AS version_origin,
    u.kind AS kind,
    if(u.kind IN ('', 'table'), 9223372036854775807, 18446744073709551615) - toUInt64(min(toUnixTimestamp64Micro(u.event_time) + toInt64(9223372036854775807 - u.precedence))) AS precedence
FROM ${database}.dataset_uses AS u
GROUP BY u.namespace, u.name, u.version, u.version_origin, u.kind
