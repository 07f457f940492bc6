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
    p.predictions AS predictions,
    arrayMap(o -> o.name, w.owners) AS owners,
    d.truncated AS truncated
FROM downstream_at(namespace = {namespace:String}, name = {name:String}, version = {version:Nullable(String)}, depth = {depth:UInt32}, at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS d
LEFT JOIN
(
    -- A prediction counts for its model and for its stream. One that names no version of its stream belongs to the
    -- version that its run made.
    SELECT about.1 AS kind, about.2 AS namespace, about.3 AS name, about.4 AS version, toNullable(count()) AS predictions
    FROM
    (
        SELECT arrayJoin([
            ('model', model_namespace, model_name, model_version),
            ('prediction_stream', stream_namespace, stream_name, ifNull(stream_version, concat('run:', toString(run_id))))]) AS about
        FROM predictions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    )
    GROUP BY kind, namespace, name, version
) AS p ON p.kind = d.kind AND p.namespace = d.namespace AND p.name = d.name AND p.version = d.version
LEFT JOIN (SELECT namespace, name, owners FROM owners_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) WHERE about = 'dataset') AS w
    ON w.namespace = d.namespace AND w.name = d.name
WHERE d.depth > 0
ORDER BY depth, kind, namespace, name, version
