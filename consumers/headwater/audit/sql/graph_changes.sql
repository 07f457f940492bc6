-- What stood around a dataset at one time, and which edges came or went until another.
-- param namespace String: The dataset's namespace.
-- param name String: The dataset's name.
-- near edges: around
-- param until DateTime64(6, 'UTC') = 2299-12-31T23:59:59.999999Z: The later time, of both clocks.
SELECT
    multiIf(count() = 2, 'stood', any(late), 'came', 'went') AS change,
    source_namespace,
    source_name,
    source_version,
    target_namespace,
    target_name,
    target_version,
    job_namespace,
    job_name,
    run_id,
    min(event_time) AS event_time
FROM
(
    SELECT *, false AS late FROM edges_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    UNION ALL
    SELECT *, true AS late FROM edges_at(at = {until:DateTime64(6, 'UTC')}, known_at = {until:DateTime64(6, 'UTC')})
)
WHERE (source_namespace = {namespace:String} AND source_name = {name:String})
    OR (target_namespace = {namespace:String} AND target_name = {name:String})
GROUP BY source_namespace, source_name, source_version, target_namespace, target_name, target_version,
    job_namespace, job_name, run_id
ORDER BY event_time, source_namespace, source_name, source_version, target_namespace, target_name, target_version, run_id
