-- Parameterised (at, known_at): predictions, one row each
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.predictions_at ${on_cluster} AS
SELECT
    p.event_id AS event_id,
    p.event_time AS event_time,
    p.key AS key,
    p.key_form AS key_form,
    p.stream_namespace AS stream_namespace,
    p.stream_name AS stream_name,
    p.stream_version AS stream_version,
    p.deployment_namespace AS deployment_namespace,
    p.deployment_name AS deployment_name,
    p.deployment_version AS deployment_version,
    p.model_namespace AS model_namespace,
    p.model_name AS model_name,
    p.model_version AS model_version,
    p.run_id AS run_id,
    p.actor AS actor,
    p.purpose AS purpose,
    p.trace_id AS trace_id,
    p.span_id AS span_id,
    nullIf(p.message_topic, '') AS message_topic,
    if(p.message_topic = '', NULL, p.message_partition) AS message_partition,
    if(p.message_topic = '', NULL, p.message_offset) AS message_offset,
    p.subject AS subject,
    lower(hex(p.features_digest)) AS features_digest,
    CAST((p.features.name, arrayMap((v, d) -> ifNull(v, concat('digest:', lower(hex(ifNull(d, ''))))), p.features.value, p.features.digest)), 'Map(String, String)') AS features,
    CAST((p.outputs.name, arrayMap((v, d) -> ifNull(v, concat('digest:', lower(hex(ifNull(d, ''))))), p.outputs.value, p.outputs.digest)), 'Map(String, String)') AS outputs,
    p.sources AS sources,
    p.event_time_odd AS event_time_odd,
    p.arrival AS arrival
FROM ${database}.prediction_events AS p FINAL WHERE p.event_time <= {at:DateTime64(6, 'UTC')} AND p.arrival <= {known_at:DateTime64(6, 'UTC')}
COMMENT 'Parameterised (at, known_at): predictions, one row each'
