-- Which jobs take the most time: runs, failures, median and 95th percentile, share of all time. A run that is the parent of others takes their time too.
-- param since DateTime64(6, 'UTC') = 1970-01-01T00:00:00Z: Runs that ended from this time.
-- param until DateTime64(6, 'UTC') = 2200-01-01T00:00:00Z: To before this time.
-- param limit UInt32 = 20: Rows at most.
SELECT
    job_namespace,
    job_name,
    count() AS runs,
    countIf(state IN ('FAIL', 'ABORT')) AS failed,
    round(quantileExact(0.5)(seconds), 3) AS median_seconds,
    round(quantileExact(0.95)(seconds), 3) AS p95_seconds,
    round(sum(seconds), 3) AS total_seconds,
    round(total_seconds / greatest(sum(total_seconds) OVER (), 1e-9), 4) AS share,
    round(sum(cpu_time) / 1e6, 3) AS cpu_seconds,
    max(peak_memory) AS peak_memory
FROM
(
    SELECT
        job_namespace,
        job_name,
        state,
        ifNull(wall_time / 1e6, dateDiff('microsecond', started_at, assumeNotNull(ended_at)) / 1e6) AS seconds,
        cpu_time,
        peak_memory
    FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    WHERE isNotNull(ended_at)
        AND ended_at >= {since:DateTime64(6, 'UTC')}
        AND ended_at < {until:DateTime64(6, 'UTC')}
)
GROUP BY job_namespace, job_name
ORDER BY p95_seconds DESC, job_namespace, job_name
LIMIT {limit:UInt32}
