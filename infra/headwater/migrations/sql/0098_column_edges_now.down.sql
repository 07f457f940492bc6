-- Column edges that stand, one row each: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.column_edges ${on_cluster} AS
${select(0056)}
