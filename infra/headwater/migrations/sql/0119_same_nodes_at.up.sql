-- Parameterised (at, known_at): nodes that are another name of a node, each with that node
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.same_nodes_at ${on_cluster} AS
-- One version under two names is one node: the one under the name that stands for both, where it is known under that name.
SELECT key, same_as
FROM
(
    SELECT
        n.key AS key,
        first_value(n.key) OVER (PARTITION BY d.same_as, isNull(n.version), ifNull(n.version, '') ORDER BY d.secondary, d.namespace, d.name) AS same_as
    FROM ${database}.nodes_at(known_at = {known_at:DateTime64(6, 'UTC')}) AS n
    INNER JOIN (SELECT * FROM ${database}.dataset_names_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})) AS d ON d.dataset = n.dataset
    WHERE n.arrival <= {known_at:DateTime64(6, 'UTC')} AND n.dataset IN (SELECT dataset FROM ${database}.dataset_aliases)
)
WHERE key != same_as
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (at, known_at): nodes that are another name of a node, each with that node'
