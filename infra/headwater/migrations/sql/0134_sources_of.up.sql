-- A walk's hint upstream: what each node was made from, kept by the server for a while once somebody walked there
-- kind: immediate
CREATE DICTIONARY IF NOT EXISTS ${database}.sources_of ${on_cluster} (
    target UInt64,
    sources Array(UInt64)
)
PRIMARY KEY target
-- Reads that named no version are left out: what they stand for is for the history to resolve.
SOURCE(CLICKHOUSE(QUERY $query$
    SELECT target, groupUniqArray(1000)(source) AS sources
    FROM ${database}.edges_by_target WHERE {condition} AND source != source_dataset AND source != 0 GROUP BY target
$query$))
LAYOUT(CACHE(SIZE_IN_CELLS 131072))
LIFETIME(MIN 120 MAX 240)
COMMENT 'A hint for walks: up to 1,000 nodes that each node was made from, minutes old at most'
