-- Who owns a dataset or job, since when, and who says so.
-- param name String = : Part of its name; empty: all.
-- param at DateTime64(6, 'UTC') = 2299-12-31T23:59:59.999999Z: As it was true then: what happened by this time.
-- param known_at DateTime64(6, 'UTC') = 2299-12-31T23:59:59.999999Z: As it was known then: what had arrived by this time.
SELECT about, namespace, name, arrayMap(o -> (o.name, o.type), owners) AS owners, since, stated_by
FROM owners_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0
ORDER BY about, namespace, name
