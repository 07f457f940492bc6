-- A walk's hint downstream goes
-- kind: immediate
DROP DICTIONARY IF EXISTS ${database}.targets_of ${on_cluster}
