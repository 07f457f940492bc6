-- What was predicted about a person: when, by which model, on what.
-- param subject String: The person's token; or by plain name where the setting digest_key is the sender's.
-- param since DateTime64(6, 'UTC') = 1970-01-01T00:00:00Z: From this event time.
-- param until DateTime64(6, 'UTC') = 2200-01-01T00:00:00Z: To before this event time.
-- near predictions: subject
SELECT
    event_time,
    event_id,
    key,
    key_form,
    stream_name AS stream,
    deployment_name AS deployment,
    model_name AS model,
    model_version,
    purpose,
    features,
    outputs,
    sources,
    run_id
FROM predictions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
WHERE subject = {subject:String}
    AND event_time >= {since:DateTime64(6, 'UTC')}
    AND event_time < {until:DateTime64(6, 'UTC')}
ORDER BY event_time, event_id
