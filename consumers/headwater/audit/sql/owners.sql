-- Who owns a dataset or job, since when, and who says so. What a person decided stands over what events declare.
-- param name String = : Part of its name; empty: all.
-- near owner_statements: text
WITH arraySort(groupArray(last)) AS every
SELECT
    about,
    namespace,
    name,
    arrayMap(o -> (o.name, o.type), argMax(owners, last)) AS owners,
    -- Of all that is said over and over: the first time of the owners who were said last, after others had been it.
    arrayMin(arrayFilter(t -> length(every) < 2 OR t > every[-2], argMax(times, last))).1 AS since,
    stated_by
FROM
(
    SELECT about, namespace, name, stated_by, owners, groupArray((event_time, UUIDToNum(event_id))) AS times, arrayMax(times) AS last
    FROM owner_statements_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
    WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0
        -- The rows of these names alone are read.
        AND ({name:String} = '' OR (namespace, name) IN (SELECT namespace, name FROM names WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0))
    GROUP BY about, namespace, name, stated_by, owners
)
GROUP BY about, namespace, name, stated_by
ORDER BY about, namespace, name, stated_by = 'decision' DESC
LIMIT 1 BY about, namespace, name
