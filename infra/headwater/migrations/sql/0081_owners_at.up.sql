-- Parameterised (at, known_at): who owns a dataset or job, as declared; a decision stands over what events declare
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.owners_at ${on_cluster} AS
SELECT
    about,
    namespace,
    name,
    if(notEmpty(decided), decided, declared) AS owners,
    if(notEmpty(decided), decided_at, declared_at) AS stated_at,
    if(notEmpty(decided), 'decision', 'event') AS stated_by
FROM
(
    SELECT
        about,
        namespace,
        name,
        argMaxIf(owners, at, by = 'event') AS declared,
        maxIf(at.1, by = 'event') AS declared_at,
        argMaxIf(owners, at, by = 'decision') AS decided,
        maxIf(at.1, by = 'decision') AS decided_at
    FROM
    (
        SELECT 'dataset' AS about, u.namespace AS namespace, u.name AS name, u.owners AS owners,
            (u.event_time, toString(u.event_id)) AS at, 'event' AS by
        FROM ${database}.dataset_uses AS u WHERE u.event_time <= {at:DateTime64(6, 'UTC')} AND u.arrival <= {known_at:DateTime64(6, 'UTC')} AND notEmpty(u.owners)
        UNION ALL
        SELECT 'job', e.job_namespace, e.job_name, e.job_owners, (e.event_time, toString(e.event_id)), 'event'
        FROM ${database}.run_events AS e WHERE e.event_time <= {at:DateTime64(6, 'UTC')} AND e.arrival <= {known_at:DateTime64(6, 'UTC')} AND notEmpty(e.job_owners)
        UNION ALL
        SELECT if(d.name != '', 'dataset', 'job'), if(d.name != '', d.namespace, d.job_namespace),
            if(d.name != '', d.name, d.job_name), d.owners, (d.event_time, toString(d.event_id)), 'decision'
        FROM ${database}.decision_events AS d
        WHERE d.event_time <= {at:DateTime64(6, 'UTC')} AND d.arrival <= {known_at:DateTime64(6, 'UTC')} AND d.kind = 'owner' AND d.event_id NOT IN
            (SELECT assumeNotNull(lifts) FROM ${database}.decision_events WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')} AND isNotNull(lifts))
    )
    GROUP BY about, namespace, name
)
COMMENT 'Parameterised (at, known_at): who owns a dataset or job, as declared; a decision stands over what events declare'
