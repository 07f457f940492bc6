"""The statements behind an incident as the demo tells it, over the views that infra/README.md lists."""

ALARMED = """
SELECT DISTINCT version
FROM verdicts
WHERE outcome = 'alarm' AND `check` = {check:String} AND namespace = {namespace:String} AND name = {name:String}
    AND ifNull(`column`, '') = {column:String} AND isNotNull(version)
    AND event_time >= {since:DateTime64(6, 'UTC')} AND event_time <= {until:DateTime64(6, 'UTC')}
"""
DAYS = """
SELECT concat(namespace, '\\n', name, '\\n', version) AS node,
    groupUniqArrayArray(arrayMap(p -> replaceRegexpOne(p, '^day=', ''), partitions)) AS days
FROM uses
WHERE name IN {names:Array(String)} AND concat(namespace, '\\n', name, '\\n', version) IN {nodes:Array(String)}
GROUP BY node
"""
JUDGED_DAYS = """
SELECT DISTINCT toString(toDate(nominal_start)) AS day
FROM runs
WHERE isNotNull(nominal_start)
    AND run_id IN
    (
        SELECT assumeNotNull(run_id)
        FROM verdicts
        WHERE event_id IN {verdicts:Array(UUID)} AND isNotNull(run_id)
    )
ORDER BY day
"""
MEANS = """
SELECT sumIf(mean * rows, before) / sumIf(rows, before) AS before, sumIf(mean * rows, bad) / sumIf(rows, bad) AS during
FROM
(
    SELECT
        mean,
        rows,
        version IN {versions:Array(String)} AS bad,
        NOT bad AND event_time < {onset:DateTime64(6, 'UTC')} AS before
    FROM column_profiles
    WHERE namespace = {namespace:String} AND name = {name:String} AND column = {column:String} AND isNotNull(mean)
)
"""
PREDICTIONS = """
SELECT
    count() AS found,
    argMin(key, (toDate(event_time), -toFloat64OrZero(outputs['air_time']), key)) AS example,
    arraySort(groupUniqArray(concat(model_name, '@', ifNull(model_version, '')))) AS models
FROM predictions
WHERE concat(stream_namespace, '\\n', stream_name, '\\n', ifNull(stream_version, '')) IN {streams:Array(String)}
"""
MADE_BY = """
SELECT count() AS found
FROM predictions
WHERE has({models:Array(String)}, concat(model_name, '@', ifNull(model_version, '')))
"""
ERRORS = """
SELECT
    avgIf(m.value, NOT has({days:Array(String)}, day)) AS before,
    avgIf(m.value, has({days:Array(String)}, day)) AS during
FROM (SELECT toString(toDate(nominal_start)) AS day, arrayJoin(metrics) AS m FROM runs)
WHERE m.name = 'mae' AND m.split = 'production'
    AND has({models:Array(String)}, concat(m.about.name, '@', ifNull(m.about.version, '')))
"""
FIRST_USE = """
SELECT access, job_namespace, job_name, run_id
FROM uses
WHERE access IN ('read', 'write')
    AND namespace = {namespace:String} AND name = {name:String} AND version IN {versions:Array(String)}
ORDER BY access = 'write' DESC, event_time
LIMIT 1
"""
