-- Parameterised (at, known_at): what each check said
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.verdicts_at ${on_cluster} AS
SELECT
    v.event_id AS event_id,
    v.event_time AS event_time,
    v.`check` AS `check`,
    v.outcome AS outcome,
    v.severity AS severity,
    v.namespace AS namespace,
    v.name AS name,
    v.version AS version,
    v.`column` AS `column`,
    v.job_namespace AS job_namespace,
    v.job_name AS job_name,
    v.rule AS rule,
    v.run_id AS run_id,
    v.partitions AS partitions,
    v.onset AS onset,
    v.score AS score,
    v.usual AS usual,
    v.gates AS gates,
    v.baseline_kind AS baseline_kind,
    v.baseline_runs AS baseline_runs,
    v.baseline_rows AS baseline_rows,
    v.baseline_from_time AS baseline_from_time,
    v.baseline_until_time AS baseline_until_time,
    v.explanation AS explanation,
    v.based_on AS based_on,
    v.evidence AS evidence,
    v.arrival AS arrival
FROM ${database}.verdict_events AS v FINAL WHERE v.event_time <= {at:DateTime64(6, 'UTC')} AND v.arrival <= {known_at:DateTime64(6, 'UTC')}
COMMENT 'Parameterised (at, known_at): what each check said'
