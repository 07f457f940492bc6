-- Each state of each incident, as it was told
-- kind: immediate
DROP VIEW IF EXISTS ${database}.alerts ${on_cluster}
