-- Parameterised (at, known_at): what was said of who owns a dataset or job, by events and by decisions that were not lifted
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.owner_statements_at ${on_cluster} AS
SELECT 'dataset' AS about, u.namespace AS namespace, u.name AS name, u.owners AS owners, 'event' AS stated_by,
    u.event_time AS event_time, u.event_id AS event_id
FROM ${database}.dataset_uses AS u WHERE u.event_time <= {at:DateTime64(6, 'UTC')} AND u.arrival <= {known_at:DateTime64(6, 'UTC')} AND notEmpty(u.owners)
UNION ALL
SELECT 'job', e.job_namespace, e.job_name, e.job_owners, 'event', e.event_time, e.event_id
FROM ${database}.run_events AS e WHERE e.event_time <= {at:DateTime64(6, 'UTC')} AND e.arrival <= {known_at:DateTime64(6, 'UTC')} AND notEmpty(e.job_owners)
UNION ALL
SELECT if(d.name != '', 'dataset', 'job'), if(d.name != '', d.namespace, d.job_namespace),
    if(d.name != '', d.name, d.job_name), d.owners, 'decision', d.event_time, d.event_id
FROM ${database}.decision_events AS d
WHERE d.event_time <= {at:DateTime64(6, 'UTC')} AND d.arrival <= {known_at:DateTime64(6, 'UTC')} AND d.kind = 'owner' AND d.event_id NOT IN
    (SELECT assumeNotNull(lifts) FROM ${database}.decision_events WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')} AND isNotNull(lifts))
COMMENT 'Parameterised (at, known_at): what was said of who owns a dataset or job, by events and by decisions that were not lifted'
