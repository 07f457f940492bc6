-- Parameterised (at, known_at): incidents, one row each, as their newest alert tells them
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.incidents_at ${on_cluster} AS
SELECT
    v.incident_id AS incident_id,
    min(v.event_time) AS opened_at,
    max(v.event_time) AS changed_at,
    argMax(v.state, (v.number, v.event_time, toString(v.event_id))) AS state,
    max(v.number) AS number,
    argMax(v.page, (v.number, v.event_time, toString(v.event_id))) AS page,
    argMax(v.severity, (v.number, v.event_time, toString(v.event_id))) AS severity,
    argMax(v.title, (v.number, v.event_time, toString(v.event_id))) AS title,
    argMax(v.explanation, (v.number, v.event_time, toString(v.event_id))) AS explanation,
    argMax(v.`check`, (v.number, v.event_time, toString(v.event_id))) AS `check`,
    argMax(v.namespace, (v.number, v.event_time, toString(v.event_id))) AS namespace,
    argMax(v.name, (v.number, v.event_time, toString(v.event_id))) AS name,
    argMax(v.version, (v.number, v.event_time, toString(v.event_id))) AS version,
    argMax(v.`column`, (v.number, v.event_time, toString(v.event_id))) AS `column`,
    argMax(v.job_namespace, (v.number, v.event_time, toString(v.event_id))) AS job_namespace,
    argMax(v.job_name, (v.number, v.event_time, toString(v.event_id))) AS job_name,
    argMax(v.rule, (v.number, v.event_time, toString(v.event_id))) AS rule,
    argMax(v.run_id, (v.number, v.event_time, toString(v.event_id))) AS run_id,
    argMax(v.onset, (v.number, v.event_time, toString(v.event_id))) AS onset,
    argMax(v.last_seen, (v.number, v.event_time, toString(v.event_id))) AS last_seen,
    argMax(v.root, (v.number, v.event_time, toString(v.event_id))) AS root,
    argMax(v.causes, (v.number, v.event_time, toString(v.event_id))) AS causes,
    argMax(v.verdicts, (v.number, v.event_time, toString(v.event_id))) AS verdicts,
    argMax(v.suppressed, (v.number, v.event_time, toString(v.event_id))) AS suppressed,
    argMax(v.suppressed_by, (v.number, v.event_time, toString(v.event_id))) AS suppressed_by,
    argMax(v.reaches, (v.number, v.event_time, toString(v.event_id))) AS reaches,
    argMax(v.truncated, (v.number, v.event_time, toString(v.event_id))) AS truncated,
    argMax(v.truncated_because, (v.number, v.event_time, toString(v.event_id))) AS truncated_because,
    argMax(v.owners, (v.number, v.event_time, toString(v.event_id))) AS owners,
    argMax(v.measures, (v.number, v.event_time, toString(v.event_id))) AS measures,
    argMax(v.evidence, (v.number, v.event_time, toString(v.event_id))) AS evidence,
    argMax(v.command, (v.number, v.event_time, toString(v.event_id))) AS command,
    argMax(v.sql, (v.number, v.event_time, toString(v.event_id))) AS sql,
    min(v.arrival) AS arrival
FROM ${database}.alert_events AS v WHERE v.event_time <= {at:DateTime64(6, 'UTC')} AND v.arrival <= {known_at:DateTime64(6, 'UTC')}
GROUP BY v.incident_id
COMMENT 'Parameterised (at, known_at): incidents, one row each, as their newest alert tells them'
