-- Which numbers producers handed out and never arrived, what they dropped and why, and whose end is unknown.
-- param service String = : Only this service; empty: all.
-- near producers: text
-- near sequence_gaps: text
SELECT
    p.service AS service,
    p.producer_id AS producer_id,
    p.ended AS ended,
    p.last_sequence AS last_sequence,
    g.missing AS missing,
    g.ranges AS missing_ranges,
    p.drops AS drops,
    p.opened_at AS opened_at,
    p.heard_at AS heard_at
FROM producers_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS p
LEFT JOIN
(
    SELECT producer_id, sum(last_missing - first_missing + 1) AS missing, arraySort(groupArray((first_missing, last_missing))) AS ranges
    FROM sequence_gaps_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    -- A number of a producer that never told of itself counts nowhere here.
    WHERE producer_id IN (SELECT producer_id FROM producer_events WHERE {service:String} = '' OR service = {service:String})
    GROUP BY producer_id
) AS g ON g.producer_id = p.producer_id
WHERE {service:String} = '' OR p.service = {service:String}
ORDER BY missing DESC, service, producer_id
SETTINGS join_use_nulls = 0
