-- The versions of each dataset, found by the dataset, of those that are there already
-- kind: long
INSERT INTO ${database}.dataset_nodes SELECT dataset, key, min(n.arrival) AS arrival, 18446744073709551615 - toUInt64(toUnixTimestamp64Micro(min(n.arrival))) AS precedence
FROM ${database}.nodes AS n
GROUP BY dataset, key
