-- What each check said: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.verdicts ${on_cluster} AS
${select(0063)}
