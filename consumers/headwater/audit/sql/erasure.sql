-- If a dataset version (a batch, a set of records) is erased: what contains it, and which of the models are not retrained.
-- param namespace String: The dataset's namespace.
-- param name String: The dataset's name.
-- param version Nullable(String) = null: The version; without it, all.
-- param depth UInt32 = 30: Edges down at most; truncated says whether more may lie beyond.
-- near dataset_versions: newest
-- near predictions: predictions
WITH
    below AS
    (
        SELECT * FROM downstream_at(namespace = {namespace:String}, name = {name:String}, version = {version:Nullable(String)}, depth = {depth:UInt32}, at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    ),
    later AS
    (
        -- The newest version of each dataset that does not derive from it.
        SELECT d.namespace AS namespace, d.name AS name, argMax(d.version, d.written_at) AS version, max(d.written_at) AS written_at
        FROM dataset_versions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS d
        WHERE isNotNull(d.written_at) AND d.key NOT IN (SELECT key FROM below)
        GROUP BY d.namespace, d.name
    )
SELECT
    b.depth AS depth,
    b.kind AS kind,
    b.namespace AS namespace,
    b.name AS name,
    b.version AS version,
    v.written_at AS written_at,
    multiIf(b.depth = 0, 'erase', b.kind NOT IN ('model', 'feature_view', 'deployment'), 'contains',
        l.written_at > v.written_at, 'replaced', b.kind = 'model', 'not retrained', 'contains') AS state,
    nullIf(l.version, '') AS clean_version,
    p.predictions AS predictions,
    b.truncated AS truncated
FROM below AS b
LEFT JOIN dataset_versions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS v ON v.key = b.key
LEFT JOIN later AS l ON l.namespace = b.namespace AND l.name = b.name AND l.written_at > v.written_at
LEFT JOIN
(
    SELECT model_namespace AS namespace, model_name AS name, model_version AS version, count() AS predictions
    FROM predictions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    GROUP BY namespace, name, version
) AS p ON p.namespace = b.namespace AND p.name = b.name AND p.version = b.version
ORDER BY depth, kind, namespace, name, version
SETTINGS join_use_nulls = 1
