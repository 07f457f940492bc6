-- Parameterised (known_at): datasets and their versions, as they were known then; arrival says since when
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.nodes_at ${on_cluster} AS
SELECT
    n.key AS key,
    any(n.dataset) AS dataset,
    any(n.namespace) AS namespace,
    any(n.name) AS name,
    any(n.version) AS version,
    argMaxIf(n.version_origin, n.precedence, n.arrival <= {known_at:DateTime64(6, 'UTC')}) AS version_origin,
    if(countIf(n.arrival <= {known_at:DateTime64(6, 'UTC')}) = 0, 'table', argMaxIf(n.kind, n.precedence, n.arrival <= {known_at:DateTime64(6, 'UTC')})) AS kind,
    min(n.arrival) AS arrival
FROM ${database}.nodes AS n
GROUP BY n.key
COMMENT 'Parameterised (known_at): datasets and their versions, as they were known then; arrival says since when'
