-- Parameterised (at, known_at): numbers that producers handed out and that never arrived, by range
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.producer_gaps_at ${on_cluster} AS
SELECT
    g.producer_id AS producer_id,
    p.service AS service,
    g.first_missing AS first_missing,
    g.last_missing AS last_missing,
    g.last_missing - g.first_missing + 1 AS missing,
    p.drops AS drops,
    if(p.ended = '', 'unknown', p.ended) AS ended,
    p.heard_at AS heard_at
FROM
(
${select(0132)}
) AS g
LEFT JOIN ${database}.producers_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS p ON p.producer_id = g.producer_id
SETTINGS join_use_nulls = 0
COMMENT 'Parameterised (at, known_at): numbers that producers handed out and that never arrived, by range'
