-- Parameterised (at, known_at): profiles of columns, one row a column, version and role
-- kind: immediate
DROP VIEW IF EXISTS ${database}.column_profiles_at ${on_cluster}
