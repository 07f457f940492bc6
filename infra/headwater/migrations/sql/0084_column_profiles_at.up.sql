-- Parameterised (at, known_at): profiles of columns, one row a column, version and role
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.column_profiles_at ${on_cluster} AS
SELECT
    p.namespace AS namespace,
    p.name AS name,
    p.version AS version,
    p.role AS role,
    p.partitions AS partitions,
    c.name AS column,
    c.type AS type,
    c.declared_type AS declared_type,
    c.count AS count,
    c.nulls AS nulls,
    c.nans AS nans,
    c.positive_infinities AS positive_infinities,
    c.negative_infinities AS negative_infinities,
    c.minimum AS minimum,
    c.maximum AS maximum,
    c.mean AS mean,
    c.values AS values,
    c.other_values AS other_values,
    c.distinct AS distinct,
    c.distinct_exact AS distinct_exact,
    c.personal AS personal,
    if(notEmpty(c.quantiles_exact), c.quantiles_exact, CAST(c.quantiles, 'Array(Float64)')) AS quantiles,
    if(c.count - c.nulls > 1, sqrt(c.m2 / (c.count - c.nulls - c.nans - c.positive_infinities - c.negative_infinities - 1)), NULL) AS deviation,
    p.rows AS rows,
    p.run_id AS run_id,
    p.job_namespace AS job_namespace,
    p.job_name AS job_name,
    p.event_id AS event_id,
    p.event_time AS event_time,
    p.arrival AS arrival
FROM (SELECT *, arrival FROM ${database}.profile_events FINAL WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')}) AS p
ARRAY JOIN p.columns AS c
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (at, known_at): profiles of columns, one row a column, version and role'
