-- Parameterised (at, known_at): what people decided
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.decisions_at ${on_cluster} AS
SELECT
    v.event_id AS event_id,
    v.event_time AS event_time,
    v.kind AS kind,
    v.actor AS actor,
    v.reason AS reason,
    v.namespace AS namespace,
    v.name AS name,
    v.version AS version,
    v.`column` AS `column`,
    v.job_namespace AS job_namespace,
    v.job_name AS job_name,
    v.rule AS rule,
    v.run_id AS run_id,
    v.incident_id AS incident_id,
    v.subject AS subject,
    v.lifts AS lifts,
    v.from_time AS from_time,
    v.until_time AS until_time,
    v.owners AS owners,
    v.tags AS tags,
    v.details AS details,
    CAST(v.event_id IN (SELECT assumeNotNull(lifts) FROM ${database}.decision_events WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')} AND isNotNull(lifts)), 'Bool') AS lifted,
    v.arrival AS arrival
FROM ${database}.decision_events AS v FINAL WHERE v.event_time <= {at:DateTime64(6, 'UTC')} AND v.arrival <= {known_at:DateTime64(6, 'UTC')}
COMMENT 'Parameterised (at, known_at): what people decided'
