-- Producers, one row each: last number, what was dropped, how it ended: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.producers ${on_cluster} AS
${select(0068)}
