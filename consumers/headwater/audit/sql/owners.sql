-- Who owns a dataset or job, since when, and who says so.
-- param name String = : Part of its name; empty: all.
SELECT about, namespace, name, arrayMap(o -> (o.name, o.type), owners) AS owners, since, stated_by
FROM owners_at(at = {at:DateTime64(6, 'UTC')}, known_at = {known_at:DateTime64(6, 'UTC')})
WHERE positionCaseInsensitiveUTF8(concat(namespace, '/', name), {name:String}) > 0
ORDER BY about, namespace, name
