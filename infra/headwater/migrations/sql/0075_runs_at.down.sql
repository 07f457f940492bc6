-- Parameterised (at, known_at): runs, one row each: state, times, code, parameters, metrics
-- kind: immediate
DROP VIEW IF EXISTS ${database}.runs_at ${on_cluster}
