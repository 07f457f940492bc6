-- Which outputs nobody read for so many days, what writing them cost meanwhile, and whom to ask.
-- param days UInt32 = 90: So many days before the time `at` (or now).
-- param limit UInt32 = 100: Rows at most.
WITH
    least({at:DateTime64(6, 'UTC')}, now64(6)) AS until,
    until - toIntervalDay({days:UInt32}) AS since
SELECT
    u.namespace AS namespace,
    u.name AS name,
    maxIf(u.event_time, u.access = 'write') AS last_written_at,
    maxIf(toNullable(u.event_time), u.access = 'read') AS last_read_at,
    countIf(u.access = 'write' AND u.event_time >= since) AS writes,
    arraySort(groupUniqArrayIf(u.job_name, u.access = 'write')) AS written_by,
    round(sumIf(r.seconds, u.access = 'write' AND u.event_time >= since), 3) AS seconds,
    any(arrayMap(o -> o.name, w.owners)) AS owners
FROM
(
    SELECT namespace, name, access, run_id, job_namespace, job_name, max(event_time) AS event_time
    FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    WHERE access IN ('read', 'write') AND kind NOT IN ('deployment', 'prediction_stream', 'report')
    GROUP BY namespace, name, access, run_id, job_namespace, job_name
) AS u
LEFT JOIN
(
    SELECT run_id, job_namespace, job_name, ifNull(wall_time, dateDiff('microsecond', started_at, assumeNotNull(ended_at))) / 1e6 AS seconds
    FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    WHERE isNotNull(ended_at)
) AS r ON r.run_id = u.run_id AND r.job_namespace = u.job_namespace AND r.job_name = u.job_name
LEFT JOIN (SELECT namespace, name, owners FROM owners_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) WHERE about = 'dataset') AS w
    ON w.namespace = u.namespace AND w.name = u.name
GROUP BY u.namespace, u.name
HAVING countIf(u.access = 'write') > 0 AND countIf(u.access = 'read' AND u.event_time >= since) = 0
ORDER BY seconds DESC, writes DESC, namespace, name
LIMIT {limit:UInt32}
SETTINGS join_use_nulls = 0
