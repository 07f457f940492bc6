-- Incidents, one row each, as their newest alert tells them: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.incidents ${on_cluster} AS
${select(0065)}
