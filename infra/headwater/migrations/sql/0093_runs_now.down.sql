-- Runs, one row each: state, times, code, parameters, metrics: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.runs ${on_cluster} AS
${select(0051)}
