-- Parameterised (at, known_at): when each version of a dataset that stands was written
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.versions_written_at ${on_cluster} AS
-- As dataset_versions_at says it, of what only the edges need: of runs it reads their ends.
SELECT
    sipHash64(u.namespace, u.name, toUInt8(1), '') AS dataset,
    sipHash64(u.namespace, u.name, toUInt8(0), assumeNotNull(u.version)) AS key,
    assumeNotNull(u.version) AS version,
    max(if(ifNull(r.ended, false), r.ended_at, u.event_time)) AS written_at
FROM
(
    SELECT namespace, name, version, run_id, job_namespace, job_name, event_time, event_id, part, position, content
    FROM ${database}.dataset_uses
    WHERE access = 'write' AND isNotNull(version) AND event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')}
) AS u
LEFT JOIN
(
    SELECT
        assumeNotNull(e.run_id) AS run,
        e.job_namespace AS job_namespace,
        e.job_name AS job_name,
        groupUniqArray((e.event_time, toString(e.event_id), e.run_state, e.parts, e.part)) AS every,
        arraySort(arrayFilter(x -> x.3 IN ('COMPLETE', 'FAIL', 'ABORT') AND length(arrayDistinct(arrayMap(y -> y.5, arrayFilter(y -> y.2 = x.2 AND y.4 = x.4, every)))) >= x.4, every)) AS ends,
        notEmpty(ends) AS ended,
        ends[1].1 AS ended_at,
        ends[1].3 AS state
    FROM ${database}.run_events AS e
    WHERE (e.run_state IN ('COMPLETE', 'FAIL', 'ABORT') OR e.parts > 1) AND isNotNull(e.run_id) AND e.event_time <= {at:DateTime64(6, 'UTC')} AND e.arrival <= {known_at:DateTime64(6, 'UTC')}
    GROUP BY e.run_id, e.job_namespace, e.job_name
) AS r ON r.run = u.run_id AND r.job_namespace = u.job_namespace AND r.job_name = u.job_name
GROUP BY u.namespace, u.name, u.version
HAVING argMax(if(ifNull(r.ended, false), r.state, ''), (u.event_time, toString(u.event_id), u.part, u.position, u.content)) NOT IN ('FAIL', 'ABORT')
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (at, known_at): when each version of a dataset that stands was written'
