-- lineage.edges: which nodes each node leads to, by dataset and column edges
-- kind: immediate
CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.edges_by_source_mv ${on_cluster} TO ${database}.edges_by_source AS
WITH
    arrayMap(d -> sipHash64(d.namespace, d.name, toUInt8(isNull(d.version)), ifNull(d.version, '')), e.datasets) AS keys,
    arrayMap(d -> sipHash64(d.namespace, d.name, toUInt8(1), ''), e.datasets) AS names
SELECT DISTINCT
    keys[x.1 + 1] AS source,
    keys[x.2 + 1] AS target,
    names[x.2 + 1] AS target_dataset,
    source = names[x.1 + 1] AS unversioned
FROM ${database}.edge_set_landing AS e
ARRAY JOIN arrayDistinct(arrayConcat(
    arrayMap(y -> (y.source, y.target), e.edges),
    arrayFlatten(arrayMap(p -> arrayMap(s -> arrayMap(t -> (s, t), p.targets), p.sources), e.products)),
    arrayMap(y -> (y.source, y.target), e.column_edges))) AS x
WHERE x.1 >= 0 AND x.2 >= 0 AND NOT throwIf(e._check != e._offset, 'a body was not read as it was sent')
