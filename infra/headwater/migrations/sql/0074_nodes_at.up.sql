-- Parameterised (known_at): datasets and their versions, as they were known then; arrival says since when
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.nodes_at ${on_cluster} AS
-- Events may state several kinds and version origins of one version. Which is shown must not depend on what came first:
-- of kinds the first by name, the default only where nothing else was stated; of origins the last by name, which is
-- store, run, digest, declared.
SELECT
    n.key AS key,
    any(n.dataset) AS dataset,
    any(n.namespace) AS namespace,
    any(n.name) AS name,
    any(n.version) AS version,
    argMaxIf(n.version_origin, n.version_origin, n.arrival <= {known_at:DateTime64(6, 'UTC')}) AS version_origin,
    if(countIf(n.arrival <= {known_at:DateTime64(6, 'UTC')}) = 0, 'table', argMinIf(n.kind, (n.kind IN ('', 'table'), n.kind = '', n.kind), n.arrival <= {known_at:DateTime64(6, 'UTC')})) AS kind,
    min(n.arrival) AS arrival
FROM ${database}.nodes AS n
GROUP BY n.key
COMMENT 'Parameterised (known_at): datasets and their versions, as they were known then; arrival says since when'
