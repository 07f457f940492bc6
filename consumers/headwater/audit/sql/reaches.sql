-- Which models, deployments, prediction streams and other datasets derive from a dataset, and how many predictions.
-- param namespace String: The dataset's namespace.
-- param name String: The dataset's name.
-- param version Nullable(String) = null: Only what derives from this version (a slice, a batch); without it, from all.
-- param depth UInt32 = 30: Edges down at most; truncated says whether more may lie beyond.
-- near predictions: predictions
-- near owners: datasets
SELECT
    d.depth AS depth,
    d.kind AS kind,
    d.namespace AS namespace,
    d.name AS name,
    d.version AS version,
    multiIf(d.kind = 'model', m.predictions, d.kind = 'prediction_stream', s.predictions, NULL) AS predictions,
    arrayMap(o -> o.name, w.owners) AS owners,
    d.truncated AS truncated
FROM downstream_at(namespace = {namespace:String}, name = {name:String}, version = {version:Nullable(String)}, depth = {depth:UInt32}, at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS d
LEFT JOIN
(
    SELECT model_namespace AS namespace, model_name AS name, model_version AS version, toNullable(count()) AS predictions
    FROM predictions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    GROUP BY namespace, name, version
) AS m ON m.namespace = d.namespace AND m.name = d.name AND m.version = d.version
LEFT JOIN
(
    -- A prediction that names no version of its stream belongs to the version that its run made.
    SELECT
        stream_namespace AS namespace,
        stream_name AS name,
        ifNull(stream_version, concat('run:', toString(run_id))) AS version,
        toNullable(count()) AS predictions
    FROM predictions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    GROUP BY namespace, name, version
) AS s ON s.namespace = d.namespace AND s.name = d.name AND s.version = d.version
LEFT JOIN (SELECT namespace, name, owners FROM owners_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) WHERE about = 'dataset') AS w
    ON w.namespace = d.namespace AND w.name = d.name
WHERE d.depth > 0
ORDER BY depth, kind, namespace, name, version
