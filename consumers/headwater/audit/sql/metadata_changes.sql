-- Who said what about a dataset or job, and when it changed: owners, tags, schema, description, decisions.
-- param name String = : Part of its name; empty: all.
-- param since DateTime64(6, 'UTC') = 1970-01-01T00:00:00Z: From this event time.
-- param limit UInt32 = 1000: Rows at most.
-- near uses: doubles
-- near decisions: text
SELECT event_time, arrival, about, namespace, name, what, before, after, said_by, event_id
FROM
(
    SELECT
        *,
        -- What came twice says nothing new the second time: in this order one stands behind the other.
        lagInFrame(value, 1, '') OVER (PARTITION BY about, namespace, name, what ORDER BY event_time, event_id, value, arrival ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
        value AS after
    FROM
    (
        SELECT event_time, arrival, 'dataset' AS about, namespace, name, w.1 AS what, w.2 AS value,
            concat('job ', job_namespace, '/', job_name, if(isNull(actor), '', concat(' (', assumeNotNull(actor), ')'))) AS said_by, event_id
        FROM
        (
            SELECT namespace, name, owners, tags, columns, job_namespace, job_name, actor, event_time, arrival, event_id
            FROM uses_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
            WHERE ({name:String} = '' OR (namespace, name) IN (SELECT namespace, name FROM names WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0))
                AND (notEmpty(owners) OR notEmpty(tags) OR notEmpty(columns))
        )
        ARRAY JOIN arrayFilter(x -> x.2 != '', [
            ('owners', if(empty(owners), '', toString(arraySort(owners.name)))),
            ('tags', if(empty(tags), '', toString(arraySort(arrayMap(t -> concat(t.key, '=', t.value), tags))))),
            ('columns', if(empty(columns), '', toString(arrayMap(c -> concat(c.name, ' ', ifNull(c.type, '?')), columns))))]) AS w
        UNION ALL
        SELECT event_time, arrival, 'job', job_namespace, job_name, 'owners', toString(arraySort(job_owners.name)),
            concat('job ', job_namespace, '/', job_name, if(isNull(actor), '', concat(' (', assumeNotNull(actor), ')'))), event_id
        FROM run_events
        WHERE ({name:String} = '' OR (job_namespace, job_name) IN (SELECT namespace, name FROM names WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0))
            AND notEmpty(job_owners) AND event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')}
        UNION ALL
        SELECT event_time, arrival, if(name != '', 'dataset', 'job'), if(name != '', namespace, job_namespace),
            if(name != '', name, job_name), concat('decision: ', kind),
            concat(toString(arraySort(owners.name)), ' ', toString(arrayMap(t -> concat(t.key, '=', t.value), tags)), if(lifted, ' (lifted)', '')),
            concat(actor, if(reason = '', '', concat(': ', reason))), event_id
        FROM decisions_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    )
)
WHERE before != after
    AND positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0
    AND event_time >= {since:DateTime64(6, 'UTC')}
ORDER BY event_time, about, namespace, name, what, event_id, after
LIMIT {limit:UInt32}
