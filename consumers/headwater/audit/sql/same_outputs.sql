-- Which runs made the same output as another: equal content, and whether inputs and code were equal too.
-- param since DateTime64(6, 'UTC') = 1970-01-01T00:00:00Z: Written from this event time.
-- param limit UInt32 = 100: Rows at most.
-- near dataset_versions: repeated
-- near runs: runs
-- near uses: runs
WITH
    read AS
    (
        SELECT run_id, job_namespace, job_name, arraySort(groupUniqArray((namespace, name, ifNull(version, '')))) AS inputs
        FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
        WHERE access = 'read' AND isNotNull(run_id)
        GROUP BY run_id, job_namespace, job_name
    ),
    made AS
    (
        SELECT v.fingerprint_algorithm AS algorithm, v.fingerprint_digest AS digest, v.namespace AS namespace, v.name AS name,
            v.version AS version, v.rows AS rows, v.job_namespace AS job_namespace, v.job_name AS job_name, v.run_id AS run_id,
            v.written_at AS written_at, r.code_commit AS code_commit, i.inputs AS inputs
        FROM dataset_versions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS v
        LEFT JOIN (SELECT run_id, job_namespace, job_name, code_commit FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})) AS r
            ON r.run_id = v.run_id AND r.job_namespace = v.job_namespace AND r.job_name = v.job_name
        LEFT JOIN read AS i ON i.run_id = v.run_id AND i.job_namespace = v.job_namespace AND i.job_name = v.job_name
        WHERE v.fingerprint_algorithm != '' AND v.written_at >= {since:DateTime64(6, 'UTC')} AND ifNull(v.rows, 1) > 0
    )
SELECT
    hex(digest) AS fingerprint,
    any(rows) AS rows,
    count() AS times,
    arraySort(groupUniqArray(concat(namespace, '/', name))) AS datasets,
    arraySort(groupUniqArray(concat(job_namespace, '/', job_name))) AS jobs,
    arraySort(groupArray((written_at, name, version, run_id))) AS versions,
    CAST(uniqExact(inputs) = 1 AND notEmpty(any(inputs)), 'Bool') AS same_inputs,
    CAST(uniqExact(ifNull(code_commit, '')) = 1 AND countIf(isNull(code_commit)) = 0, 'Bool') AS same_code
FROM made
GROUP BY algorithm, digest
HAVING times > 1
ORDER BY same_inputs DESC, same_code DESC, times DESC, fingerprint
LIMIT {limit:UInt32}
SETTINGS join_use_nulls = 1
