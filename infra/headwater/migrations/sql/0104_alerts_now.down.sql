-- Each state of each incident, as it was told: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.alerts ${on_cluster} AS
${select(0064)}
