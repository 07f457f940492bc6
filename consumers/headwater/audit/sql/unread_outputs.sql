-- Which outputs nobody read for so many days, what writing them cost meanwhile, and whom to ask.
-- param days UInt32 = 90: So many days before the time `at` (or now).
-- param limit UInt32 = 100: Rows at most.
-- near uses: doubles
-- near runs: all
-- near owners: text
WITH
    least({at:DateTime64(6, 'UTC')}, now64(6)) AS until,
    until - toIntervalDay({days:UInt32}) AS since,
    unread AS
    (
        SELECT
            namespace,
            name,
            maxIf(event_time, access = 'write') AS last_written_at,
            maxIf(toNullable(event_time), access = 'read') AS last_read_at,
            groupUniqArrayIf((run_id, job_namespace, job_name), access = 'write' AND event_time >= since) AS runs,
            arraySort(groupUniqArrayIf(job_name, access = 'write')) AS written_by
        FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
        WHERE access IN ('read', 'write') AND kind NOT IN ('deployment', 'prediction_stream', 'report')
        GROUP BY namespace, name
        HAVING countIf(access = 'write') > 0 AND countIf(access = 'read' AND event_time >= since) = 0
    )
SELECT
    u.namespace AS namespace,
    u.name AS name,
    any(u.last_written_at) AS last_written_at,
    any(u.last_read_at) AS last_read_at,
    any(length(u.runs)) AS writes,
    any(u.written_by) AS written_by,
    round(sum(r.seconds), 3) AS seconds,
    any(arrayMap(o -> o.name, w.owners)) AS owners
FROM (SELECT *, run FROM unread LEFT ARRAY JOIN runs AS run) AS u
LEFT JOIN
(
    SELECT run_id, job_namespace, job_name, ifNull(wall_time, dateDiff('microsecond', started_at, assumeNotNull(ended_at))) / 1e6 AS seconds
    FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    WHERE isNotNull(ended_at) AND run_id IN
    (
        -- Only the runs that wrote meanwhile: all runs would be grouped first.
        SELECT assumeNotNull(run_id)
        FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
        WHERE access = 'write' AND event_time >= since AND isNotNull(run_id)
    )
) AS r ON r.run_id = u.run.1 AND r.job_namespace = u.run.2 AND r.job_name = u.run.3
LEFT JOIN (SELECT namespace, name, owners FROM owners_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) WHERE about = 'dataset') AS w
    ON w.namespace = u.namespace AND w.name = u.name
GROUP BY u.namespace, u.name
ORDER BY seconds DESC, writes DESC, namespace, name
LIMIT {limit:UInt32}
SETTINGS join_use_nulls = 0
