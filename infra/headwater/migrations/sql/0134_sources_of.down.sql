-- A walk's hint upstream goes
-- kind: immediate
DROP DICTIONARY IF EXISTS ${database}.sources_of ${on_cluster}
