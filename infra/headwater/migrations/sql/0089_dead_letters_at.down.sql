-- Parameterised (at, known_at): what could not be read, and why
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dead_letters_at ${on_cluster}
