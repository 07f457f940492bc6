-- Parameterised (at, known_at): numbers that producers handed out and that never arrived, by range
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.producer_gaps_at ${on_cluster} AS
SELECT
    g.producer_id AS producer_id,
    p.service AS service,
    g.first AS first_missing,
    g.last AS last_missing,
    g.last - g.first + 1 AS missing,
    p.drops AS drops,
    if(p.ended = '', 'unknown', p.ended) AS ended,
    p.heard_at AS heard_at
FROM
(
    SELECT
        producer_id,
        lagInFrame(sequence, 1, toInt64(0)) OVER (PARTITION BY producer_id ORDER BY sequence ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) + 1 AS first,
        sequence - 1 AS last
    FROM
    (
        SELECT producer_id, sequence FROM ${database}.sequences WHERE arrival <= {known_at:DateTime64(6, 'UTC')}
        UNION DISTINCT
        SELECT producer_id, max(last_sequence) + 1 FROM ${database}.producer_events WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')} GROUP BY producer_id
    )
) AS g
LEFT JOIN ${database}.producers_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS p ON p.producer_id = g.producer_id
WHERE g.last >= g.first
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (at, known_at): numbers that producers handed out and that never arrived, by range'
