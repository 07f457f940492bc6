-- Which jobs take the most time of their own: runs, failures, median and 95th percentile, share of all time. A run that is the parent of others counts with the time in which none of them ran; seconds_with_children has all of it.
-- param since DateTime64(6, 'UTC') = 1970-01-01T00:00:00Z: Runs that ended from this time.
-- param until DateTime64(6, 'UTC') = 2200-01-01T00:00:00Z: To before this time.
-- param limit UInt32 = 20: Rows at most.
-- near runs: all
SELECT
    job_namespace,
    job_name,
    count() AS runs,
    countIf(state IN ('FAIL', 'ABORT')) AS failed,
    round(quantileExact(0.5)(seconds), 3) AS median_seconds,
    round(quantileExact(0.95)(seconds), 3) AS p95_seconds,
    round(sum(seconds), 3) AS total_seconds,
    round(total_seconds / greatest(sum(total_seconds) OVER (), 1e-9), 4) AS share,
    round(sum(whole) / 1e6, 3) AS seconds_with_children,
    round(sum(cpu_time) / 1e6, 3) AS cpu_seconds,
    max(peak_memory) AS peak_memory
FROM
(
    SELECT
        r.job_namespace AS job_namespace,
        r.job_name AS job_name,
        r.state AS state,
        r.cpu_time AS cpu_time,
        r.peak_memory AS peak_memory,
        toUnixTimestamp64Micro(r.started_at) AS began,
        toUnixTimestamp64Micro(assumeNotNull(r.ended_at)) AS over,
        ifNull(r.wall_time, over - began) AS whole,
        -- Children run side by side, begin before and end after: what counts is how much of the run they cover.
        greatest(whole - if(empty(c.spans), 0, arrayReduce('intervalLengthSum', arrayMap(x -> greatest(x.1, began), c.spans), arrayMap(x -> greatest(least(x.2, over), x.1, began), c.spans))), 0) / 1e6 AS seconds
    FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS r
    LEFT JOIN
    (
        SELECT parent_run_id, groupArray((toUnixTimestamp64Micro(started_at), toUnixTimestamp64Micro(assumeNotNull(ended_at)))) AS spans
        FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
        WHERE isNotNull(parent_run_id) AND isNotNull(ended_at) AND run_id IN
        (
            -- Only those that have a parent: all runs would be grouped first.
            SELECT assumeNotNull(run_id) FROM run_events WHERE isNotNull(parent_run_id) AND isNotNull(run_id)
        )
        GROUP BY parent_run_id
    ) AS c ON c.parent_run_id = r.run_id
    WHERE isNotNull(r.ended_at)
        AND r.ended_at >= {since:DateTime64(6, 'UTC')}
        AND r.ended_at < {until:DateTime64(6, 'UTC')}
)
GROUP BY job_namespace, job_name
ORDER BY p95_seconds DESC, job_namespace, job_name
LIMIT {limit:UInt32}
SETTINGS join_use_nulls = 0
