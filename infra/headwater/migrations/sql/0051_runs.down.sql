-- Runs, one row each: state, times, code, parameters, metrics
-- kind: immediate
DROP VIEW IF EXISTS ${database}.runs ${on_cluster}
