-- Profiles of columns, one row a column, version and role: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.column_profiles ${on_cluster} AS
${select(0062)}
