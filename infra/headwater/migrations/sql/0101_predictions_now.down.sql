-- Predictions, one row each: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.predictions ${on_cluster} AS
${select(0061)}
