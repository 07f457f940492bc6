-- What could not be read, and why
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dead_letters ${on_cluster}
