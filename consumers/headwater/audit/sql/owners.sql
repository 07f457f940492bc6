-- Who owns a dataset or job, since when, and who says so. What a person decided stands over what events declare.
-- param name String = : Part of its name; empty: all.
WITH
    heads AS
    (
        -- Of all that is said over and over: the owners who were said last, and until when others were said.
        SELECT
            about,
            namespace,
            name,
            stated_by,
            argMax(owners, last) AS owners,
            argMax(first, last) AS first,
            arraySort(groupArray(last))[-2] AS others
        FROM
        (
            SELECT about, namespace, name, stated_by, owners, min((event_time, toString(event_id))) AS first, max((event_time, toString(event_id))) AS last
            FROM owner_statements_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
            WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0
            GROUP BY about, namespace, name, stated_by, owners
        )
        GROUP BY about, namespace, name, stated_by
    )
SELECT
    h.about AS about,
    h.namespace AS namespace,
    h.name AS name,
    arrayMap(o -> (o.name, o.type), h.owners) AS owners,
    if(h.first > h.others, h.first.1, a.since) AS since,
    h.stated_by AS stated_by
FROM heads AS h
LEFT JOIN
(
    -- Owners who had been it before others were: since they are it again.
    SELECT b.about AS about, b.namespace AS namespace, b.name AS name, b.stated_by AS stated_by, min(s.event_time) AS since
    FROM owner_statements_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')}) AS s
    INNER JOIN (SELECT * FROM heads WHERE first < others) AS b
        ON b.about = s.about AND b.namespace = s.namespace AND b.name = s.name AND b.stated_by = s.stated_by AND b.owners = s.owners
    WHERE (s.event_time, toString(s.event_id)) > b.others
    GROUP BY about, namespace, name, stated_by
) AS a ON a.about = h.about AND a.namespace = h.namespace AND a.name = h.name AND a.stated_by = h.stated_by
ORDER BY about, namespace, name, stated_by = 'decision' DESC
LIMIT 1 BY about, namespace, name
