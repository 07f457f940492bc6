-- One prediction by its key: model version, deployment, feature values or digests, source versions, the run.
-- param key String: What the prediction is about; by its plain name where the setting digest_key is the sender's.
-- near predictions: key
-- near runs: all
SELECT
    p.event_time AS event_time,
    p.event_id AS event_id,
    p.key_form AS key_form,
    p.stream_name AS stream,
    p.deployment_name AS deployment,
    p.model_name AS model,
    p.model_version AS model_version,
    p.features AS features,
    p.features_digest AS features_digest,
    p.outputs AS outputs,
    p.sources AS sources,
    p.run_id AS run_id,
    r.job_name AS job_name,
    r.code_commit AS code_commit,
    p.trace_id AS trace_id,
    p.message_topic AS message_topic,
    p.message_partition AS message_partition,
    p.message_offset AS message_offset
FROM predictions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS p
LEFT JOIN
(
    SELECT run_id, job_name, code_commit
    FROM runs_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    -- Only the runs that are asked about: all runs would be grouped first.
    WHERE run_id IN (SELECT assumeNotNull(run_id) FROM prediction_events WHERE key = {key:String} AND isNotNull(run_id))
) AS r ON r.run_id = p.run_id
WHERE p.key = {key:String}
ORDER BY event_time DESC, event_id
SETTINGS join_use_nulls = 1
