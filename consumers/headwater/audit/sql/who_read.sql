-- Who read a dataset between two times: which service, job and run, which columns and rows, for what purpose.
-- param namespace String: The dataset's namespace.
-- param name String: The dataset's name.
-- param version Nullable(String) = null: Only this version; without it, all.
-- param since DateTime64(6, 'UTC') = 1970-01-01T00:00:00Z: From this event time.
-- param until DateTime64(6, 'UTC') = 2200-01-01T00:00:00Z: To before this event time.
-- near uses: doubles
SELECT
    min(event_time) AS read_at,
    job_namespace,
    job_name,
    run_id,
    argMax(run_state, event_time) AS run_state,
    any(actor) AS actor,
    any(purpose) AS purpose,
    version,
    arraySort(groupUniqArrayArray(columns_read)) AS columns_read,
    max(rows) AS rows,
    arraySort(groupUniqArrayArray(partitions)) AS partitions
FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
WHERE access = 'read'
    AND namespace = {namespace:String}
    AND name = {name:String}
    AND (isNull({version:Nullable(String)}) OR version = {version:Nullable(String)})
    AND event_time >= {since:DateTime64(6, 'UTC')}
    AND event_time < {until:DateTime64(6, 'UTC')}
GROUP BY job_namespace, job_name, run_id, version
ORDER BY read_at, job_namespace, job_name, run_id, version
