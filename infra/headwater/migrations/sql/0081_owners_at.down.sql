-- Parameterised (at, known_at): who owns a dataset or job, as declared; a decision stands over what events declare
-- kind: immediate
DROP VIEW IF EXISTS ${database}.owners_at ${on_cluster}
