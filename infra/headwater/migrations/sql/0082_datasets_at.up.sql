-- Parameterised (at, known_at): datasets, one row each: kind, versions, first and last use, schema, owners, tags
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.datasets_at ${on_cluster} AS
SELECT
    n.namespace AS namespace,
    n.name AS name,
    n.kind AS kind,
    n.versions AS versions,
    u.first_used_at AS first_used_at,
    u.last_read_at AS last_read_at,
    u.last_written_at AS last_written_at,
    u.columns AS columns,
    u.tags AS tags,
    o.owners AS owners,
    u.description AS description,
    u.source_uri AS source_uri,
    u.origin AS origin,
    u.retention_class AS retention_class,
    n.arrival AS arrival,
    n.dataset AS dataset
FROM
(
    SELECT
        dataset,
        namespace,
        name,
        argMin(kind, (k.kind IN ('', 'table'), k.kind = '', k.kind)) AS kind,
        countIf(isNotNull(version)) AS versions,
        min(k.arrival) AS arrival
    FROM ${database}.nodes_at(known_at = {known_at:DateTime64(6, 'UTC')}) AS k
    WHERE k.arrival <= {known_at:DateTime64(6, 'UTC')}
    GROUP BY dataset, namespace, name
) AS n
LEFT JOIN
(
    SELECT
        u.namespace AS namespace,
        u.name AS name,
        min(toNullable(u.event_time)) AS first_used_at,
        maxIf(toNullable(u.event_time), u.access = 'read') AS last_read_at,
        maxIf(toNullable(u.event_time), u.access = 'write') AS last_written_at,
        argMaxIf(u.columns, (u.event_time, toString(u.event_id)), notEmpty(u.columns)) AS columns,
        argMaxIf(u.tags, (u.event_time, toString(u.event_id)), notEmpty(u.tags)) AS tags,
        argMaxIf(u.description, (u.event_time, toString(u.event_id)), isNotNull(u.description)) AS description,
        argMaxIf(u.source_uri, (u.event_time, toString(u.event_id)), isNotNull(u.source_uri)) AS source_uri,
        argMaxIf(u.origin, (u.event_time, toString(u.event_id)), isNotNull(u.origin)) AS origin,
        argMaxIf(u.retention_class, (u.event_time, toString(u.event_id)), isNotNull(u.retention_class)) AS retention_class
    FROM ${database}.dataset_uses AS u WHERE u.event_time <= {at:DateTime64(6, 'UTC')} AND u.arrival <= {known_at:DateTime64(6, 'UTC')}
    GROUP BY u.namespace, u.name
) AS u ON u.namespace = n.namespace AND u.name = n.name
LEFT JOIN (SELECT namespace, name, owners FROM ${database}.owners_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) WHERE about = 'dataset') AS o
    ON o.namespace = n.namespace AND o.name = n.name
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (at, known_at): datasets, one row each: kind, versions, first and last use, schema, owners, tags'
