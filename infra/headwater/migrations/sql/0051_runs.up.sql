-- Runs, one row each: state, times, code, parameters, metrics
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.runs ${on_cluster} AS
-- A run that ended never changes: of two ends the one of the earlier event time stands, then of the smaller event id;
-- an end in parts counts once all of them are there.
WITH arraySort(arrayFilter(x -> x.3 IN ('COMPLETE', 'FAIL', 'ABORT') AND length(arrayDistinct(arrayMap(y -> y.5, arrayFilter(y -> y.2 = x.2 AND y.4 = x.4, r.ends_and_parts)))) >= x.4, r.ends_and_parts)) AS ends
SELECT
    r.run_id AS run_id,
    r.job_namespace AS job_namespace,
    r.job_name AS job_name,
    if(notEmpty(ends), ends[1].3, r.open_state) AS state,
    r.started_at AS started_at,
    if(notEmpty(ends), toNullable(ends[1].1), NULL) AS ended_at,
    r.last_event_at AS last_event_at,
    r.arrival AS arrival,
    r.events AS events,
    r.parent_run_id AS parent_run_id,
    r.root_run_id AS root_run_id,
    r.nominal_start AS nominal_start,
    r.nominal_end AS nominal_end,
    r.trace_id AS trace_id,
    r.actor AS actor,
    r.purpose AS purpose,
    r.job_kind AS job_kind,
    r.integration AS integration,
    r.code_repository AS code_repository,
    r.code_commit AS code_commit,
    r.code_branch AS code_branch,
    r.code_dirty AS code_dirty,
    r.code_entrypoint AS code_entrypoint,
    r.code_digest AS code_digest,
    r.parameters AS parameters,
    r.environment AS environment,
    r.metrics AS metrics,
    r.owners AS owners,
    r.wall_time AS wall_time,
    r.cpu_time AS cpu_time,
    r.gpu_time AS gpu_time,
    r.peak_memory AS peak_memory,
    r.bytes_read AS bytes_read,
    r.bytes_written AS bytes_written,
    r.cost AS cost,
    r.error_type AS error_type,
    r.error_message AS error_message
FROM
(
    SELECT
        assumeNotNull(e.run_id) AS run_id,
        e.job_namespace AS job_namespace,
        e.job_name AS job_name,
        groupUniqArrayIf((e.event_time, UUIDToNum(e.event_id), e.run_state, e.parts, e.part), e.run_state IN ('COMPLETE', 'FAIL', 'ABORT') OR e.parts > 1) AS ends_and_parts,
        multiIf(countIf(e.run_state = 'RUNNING') > 0, 'RUNNING', countIf(e.run_state = 'START') > 0, 'START', 'OTHER') AS open_state,
        if(countIf(e.run_state = 'START') > 0, minIf(e.event_time, e.run_state = 'START'), min(e.event_time)) AS started_at,
        max(e.event_time) AS last_event_at,
        min(e.arrival) AS arrival,
        uniqExact(e.event_id) AS events,
        argMaxIf(e.parent_run_id, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.parent_run_id)) AS parent_run_id,
        argMaxIf(e.root_run_id, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.root_run_id)) AS root_run_id,
        argMaxIf(e.nominal_start, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.nominal_start)) AS nominal_start,
        argMaxIf(e.nominal_end, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.nominal_end)) AS nominal_end,
        argMaxIf(e.trace_id, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.trace_id)) AS trace_id,
        argMaxIf(e.actor, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.actor)) AS actor,
        argMaxIf(e.purpose, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.purpose)) AS purpose,
        argMaxIf(e.job_kind, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.job_kind)) AS job_kind,
        argMaxIf(e.job_integration, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.job_integration)) AS integration,
        argMaxIf(e.job_code_repository, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.job_code_repository)) AS code_repository,
        argMaxIf(e.job_code_commit, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.job_code_commit)) AS code_commit,
        argMaxIf(e.job_code_branch, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.job_code_branch)) AS code_branch,
        argMaxIf(e.job_code_dirty, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.job_code_dirty)) AS code_dirty,
        argMaxIf(e.job_code_entrypoint, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.job_code_entrypoint)) AS code_entrypoint,
        argMaxIf(e.job_code_digest, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.job_code_digest)) AS code_digest,
        mapApply((k, v) -> (k, v.3), maxMap(mapApply((k, v) -> (k, (e.event_time, UUIDToNum(e.event_id), v)), e.parameters))) AS parameters,
        mapApply((k, v) -> (k, v.3), maxMap(mapApply((k, v) -> (k, (e.event_time, UUIDToNum(e.event_id), v)), e.environment))) AS environment,
        groupUniqArrayArray(e.metrics) AS metrics,
        argMaxIf(e.job_owners, (e.event_time, UUIDToNum(e.event_id)), notEmpty(e.job_owners)) AS owners,
        argMaxIf(e.resources_wall_time, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.resources_wall_time)) AS wall_time,
        argMaxIf(e.resources_cpu_time, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.resources_cpu_time)) AS cpu_time,
        argMaxIf(e.resources_gpu_time, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.resources_gpu_time)) AS gpu_time,
        argMaxIf(e.resources_peak_memory, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.resources_peak_memory)) AS peak_memory,
        argMaxIf(e.resources_bytes_read, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.resources_bytes_read)) AS bytes_read,
        argMaxIf(e.resources_bytes_written, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.resources_bytes_written)) AS bytes_written,
        argMaxIf(e.resources_cost, (e.event_time, UUIDToNum(e.event_id)), isNotNull(e.resources_cost)) AS cost,
        argMaxIf(e.error_type, (e.event_time, UUIDToNum(e.event_id)), e.error_type != '') AS error_type,
        argMaxIf(e.error_message, (e.event_time, UUIDToNum(e.event_id)), e.error_message != '') AS error_message
    FROM ${database}.run_events AS e
    WHERE isNotNull(e.run_id)
    GROUP BY e.run_id, e.job_namespace, e.job_name
) AS r
COMMENT 'Runs, one row each: state, times, code, parameters, metrics'
