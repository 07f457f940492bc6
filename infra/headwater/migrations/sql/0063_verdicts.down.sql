-- What each check said
-- kind: immediate
DROP VIEW IF EXISTS ${database}.verdicts ${on_cluster}
