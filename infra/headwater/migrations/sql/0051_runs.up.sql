-- Runs, one row each: state, times, code, parameters, metrics
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.runs ${on_cluster} AS
-- A run that ended never changes: of two ends the one of the earlier event time stands, then of the smaller event id.
SELECT
    assumeNotNull(e.run_id) AS run_id,
    e.job_namespace AS job_namespace,
    e.job_name AS job_name,
    if(countIf(e.run_state IN ('COMPLETE', 'FAIL', 'ABORT')) > 0, argMinIf(e.run_state, (e.event_time, toString(e.event_id)), e.run_state IN ('COMPLETE', 'FAIL', 'ABORT')),
        if(countIf(e.run_state != 'OTHER') > 0, argMaxIf(e.run_state, (e.event_time, toString(e.event_id)), e.run_state != 'OTHER'), 'OTHER')) AS state,
    if(countIf(e.run_state = 'START') > 0, minIf(e.event_time, e.run_state = 'START'), min(e.event_time)) AS started_at,
    if(countIf(e.run_state IN ('COMPLETE', 'FAIL', 'ABORT')) > 0, minIf(toNullable(e.event_time), e.run_state IN ('COMPLETE', 'FAIL', 'ABORT')), NULL) AS ended_at,
    max(e.event_time) AS last_event_at,
    min(e.arrival) AS arrival,
    uniqExact(e.event_id) AS events,
    argMaxIf(e.parent_run_id, (e.event_time, toString(e.event_id)), isNotNull(e.parent_run_id)) AS parent_run_id,
    argMaxIf(e.root_run_id, (e.event_time, toString(e.event_id)), isNotNull(e.root_run_id)) AS root_run_id,
    argMaxIf(e.nominal_start, (e.event_time, toString(e.event_id)), isNotNull(e.nominal_start)) AS nominal_start,
    argMaxIf(e.nominal_end, (e.event_time, toString(e.event_id)), isNotNull(e.nominal_end)) AS nominal_end,
    argMaxIf(e.trace_id, (e.event_time, toString(e.event_id)), isNotNull(e.trace_id)) AS trace_id,
    argMaxIf(e.actor, (e.event_time, toString(e.event_id)), isNotNull(e.actor)) AS actor,
    argMaxIf(e.purpose, (e.event_time, toString(e.event_id)), isNotNull(e.purpose)) AS purpose,
    argMaxIf(e.job_kind, (e.event_time, toString(e.event_id)), isNotNull(e.job_kind)) AS job_kind,
    argMaxIf(e.job_integration, (e.event_time, toString(e.event_id)), isNotNull(e.job_integration)) AS integration,
    argMaxIf(e.job_code_repository, (e.event_time, toString(e.event_id)), isNotNull(e.job_code_repository)) AS code_repository,
    argMaxIf(e.job_code_commit, (e.event_time, toString(e.event_id)), isNotNull(e.job_code_commit)) AS code_commit,
    argMaxIf(e.job_code_branch, (e.event_time, toString(e.event_id)), isNotNull(e.job_code_branch)) AS code_branch,
    argMaxIf(e.job_code_dirty, (e.event_time, toString(e.event_id)), isNotNull(e.job_code_dirty)) AS code_dirty,
    argMaxIf(e.job_code_entrypoint, (e.event_time, toString(e.event_id)), isNotNull(e.job_code_entrypoint)) AS code_entrypoint,
    argMaxIf(e.job_code_digest, (e.event_time, toString(e.event_id)), isNotNull(e.job_code_digest)) AS code_digest,
    mapApply((k, v) -> (k, v.3), maxMap(mapApply((k, v) -> (k, (e.event_time, toString(e.event_id), v)), e.parameters))) AS parameters,
    mapApply((k, v) -> (k, v.3), maxMap(mapApply((k, v) -> (k, (e.event_time, toString(e.event_id), v)), e.environment))) AS environment,
    groupUniqArrayArray(e.metrics) AS metrics,
    argMaxIf(e.job_owners, (e.event_time, toString(e.event_id)), notEmpty(e.job_owners)) AS owners,
    argMaxIf(e.resources_wall_time, (e.event_time, toString(e.event_id)), isNotNull(e.resources_wall_time)) AS wall_time,
    argMaxIf(e.resources_cpu_time, (e.event_time, toString(e.event_id)), isNotNull(e.resources_cpu_time)) AS cpu_time,
    argMaxIf(e.resources_gpu_time, (e.event_time, toString(e.event_id)), isNotNull(e.resources_gpu_time)) AS gpu_time,
    argMaxIf(e.resources_peak_memory, (e.event_time, toString(e.event_id)), isNotNull(e.resources_peak_memory)) AS peak_memory,
    argMaxIf(e.resources_bytes_read, (e.event_time, toString(e.event_id)), isNotNull(e.resources_bytes_read)) AS bytes_read,
    argMaxIf(e.resources_bytes_written, (e.event_time, toString(e.event_id)), isNotNull(e.resources_bytes_written)) AS bytes_written,
    argMaxIf(e.resources_cost, (e.event_time, toString(e.event_id)), isNotNull(e.resources_cost)) AS cost,
    argMaxIf(e.error_type, (e.event_time, toString(e.event_id)), e.error_type != '') AS error_type,
    argMaxIf(e.error_message, (e.event_time, toString(e.event_id)), e.error_message != '') AS error_message
FROM ${database}.run_events AS e
WHERE isNotNull(e.run_id)
GROUP BY e.run_id, e.job_namespace, e.job_name
COMMENT 'Runs, one row each: state, times, code, parameters, metrics'
