-- Which numbers producers handed out and never arrived, what they dropped and why, and whose end is unknown.
-- param service String = : Only this service; empty: all.
SELECT
    p.service AS service,
    p.producer_id AS producer_id,
    p.ended AS ended,
    p.last_sequence AS last_sequence,
    ifNull(g.missing, 0) AS missing,
    g.ranges AS missing_ranges,
    p.drops AS drops,
    p.opened_at AS opened_at,
    p.heard_at AS heard_at
FROM producers_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS p
LEFT JOIN
(
    SELECT producer_id, sum(missing) AS missing, arraySort(groupArray((first_missing, last_missing))) AS ranges
    FROM producer_gaps_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    GROUP BY producer_id
) AS g ON g.producer_id = p.producer_id
WHERE {service:String} = '' OR p.service = {service:String}
ORDER BY missing DESC, service, producer_id
