-- Numbers that producers handed out and that never arrived, by range
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.producer_gaps ${on_cluster} AS
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
        SELECT producer_id, sequence FROM ${database}.sequences
        UNION DISTINCT
        SELECT producer_id, max(last_sequence) + 1 FROM ${database}.producer_events GROUP BY producer_id
    )
) AS g
LEFT JOIN ${database}.producers AS p ON p.producer_id = g.producer_id
WHERE g.last >= g.first
SETTINGS join_use_nulls = 0
COMMENT 'Numbers that producers handed out and that never arrived, by range'
