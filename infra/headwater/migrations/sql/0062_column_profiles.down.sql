-- Profiles of columns, one row a column, version and role
-- kind: immediate
DROP VIEW IF EXISTS ${database}.column_profiles ${on_cluster}
