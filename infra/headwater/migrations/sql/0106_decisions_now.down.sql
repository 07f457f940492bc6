-- What people decided: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.decisions ${on_cluster} AS
${select(0066)}
