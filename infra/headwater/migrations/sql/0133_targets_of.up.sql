-- A walk's hint downstream: what each node leads to, kept by the server for a while once somebody walked there
-- kind: immediate
CREATE DICTIONARY IF NOT EXISTS ${database}.targets_of ${on_cluster} (
    source UInt64,
    targets Array(UInt64),
    datasets Array(UInt64)
)
PRIMARY KEY source
-- Reads that named no version are left out: what they stand for is for the history to resolve.
SOURCE(CLICKHOUSE(QUERY $query$
    SELECT source, groupUniqArray(1000)(target) AS targets, groupUniqArray(1000)(target_dataset) AS datasets
    FROM ${database}.edges_by_source WHERE {condition} AND NOT unversioned GROUP BY source
$query$))
LAYOUT(CACHE(SIZE_IN_CELLS 131072))
LIFETIME(MIN 120 MAX 240)
COMMENT 'A hint for walks: up to 1,000 nodes that each node leads to, and their datasets, minutes old at most'
