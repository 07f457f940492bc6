-- Parameterised (at, known_at): what each check said
-- kind: immediate
DROP VIEW IF EXISTS ${database}.verdicts_at ${on_cluster}
