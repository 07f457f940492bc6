-- What people decided
-- kind: immediate
DROP VIEW IF EXISTS ${database}.decisions ${on_cluster}
