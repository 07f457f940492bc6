-- Parameterised (at, known_at): links of runs that stand: parent, root, messages taken
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.run_links_at ${on_cluster} AS
SELECT
    g.run_id AS run_id,
    g.job_namespace AS job_namespace,
    g.job_name AS job_name,
    g.kind AS kind,
    if(g.other_run_id = toUUID('00000000-0000-0000-0000-000000000000'), NULL, g.other_run_id) AS other_run_id,
    g.other_job_namespace AS other_job_namespace,
    g.other_job_name AS other_job_name,
    g.trace_id AS trace_id,
    g.span_id AS span_id,
    g.topic AS topic,
    if(g.partition < 0, NULL, g.partition) AS partition,
    if(g.offset < 0, NULL, g.offset) AS offset,
    g.known_by AS known_by,
    g.known_at AS event_time,
    g.arrival AS arrival
FROM
(
    SELECT
        a.run_id AS run_id,
        a.job_namespace AS job_namespace,
        a.job_name AS job_name,
        a.kind AS kind,
        a.other_run_id AS other_run_id,
        a.other_job_namespace AS other_job_namespace,
        a.other_job_name AS other_job_name,
        a.trace_id AS trace_id,
        a.span_id AS span_id,
        a.topic AS topic,
        a.partition AS partition,
        a.offset AS offset,
        argMin(a.known_by, (a.known_at, toString(a.known_by))) AS known_by,
        min(a.known_at) AS known_at,
        min(a.arrival) AS arrival
    FROM
    (
        SELECT
            e.run_id AS run_id,
            e.job_namespace AS job_namespace,
            e.job_name AS job_name,
            e.kind AS kind,
            e.other_run_id AS other_run_id,
            e.other_job_namespace AS other_job_namespace,
            e.other_job_name AS other_job_name,
            e.trace_id AS trace_id,
            e.span_id AS span_id,
            e.topic AS topic,
            e.partition AS partition,
            e.offset AS offset,
            e.known_by AS known_by,
            min(e.known_at) AS known_at,
            min(e.arrival) AS arrival
        FROM ${database}.run_link_rows AS e
        WHERE e.known_at <= {at:DateTime64(6, 'UTC')} AND e.known_by NOT IN (SELECT event_id FROM ${database}.unknown_events(known_at = {known_at:DateTime64(6, 'UTC')}))
        GROUP BY e.run_id, e.job_namespace, e.job_name, e.kind, e.other_run_id, e.other_job_namespace, e.other_job_name, e.trace_id, e.span_id, e.topic, e.partition, e.offset, e.known_by
        HAVING max(e.withdrawn_by != toUUID('00000000-0000-0000-0000-000000000000') AND e.withdrawn_at <= {at:DateTime64(6, 'UTC')} AND e.withdrawn_by NOT IN (SELECT event_id FROM ${database}.unknown_events(known_at = {known_at:DateTime64(6, 'UTC')}))) = 0
    ) AS a
    GROUP BY a.run_id, a.job_namespace, a.job_name, a.kind, a.other_run_id, a.other_job_namespace, a.other_job_name, a.trace_id, a.span_id, a.topic, a.partition, a.offset
) AS g
COMMENT 'Parameterised (at, known_at): links of runs that stand: parent, root, messages taken'
