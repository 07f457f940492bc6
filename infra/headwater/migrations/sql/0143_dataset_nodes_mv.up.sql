-- The versions of each dataset, found by the dataset, from what arrives
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.dataset_nodes_mv ${on_cluster} TO ${database}.dataset_nodes AS
SELECT dataset, key, min(n.arrival) AS arrival, 18446744073709551615 - toUInt64(toUnixTimestamp64Micro(min(n.arrival))) AS precedence
FROM ${database}.nodes AS n
GROUP BY dataset, key
