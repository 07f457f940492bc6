-- Parameterised (at, known_at): datasets, one row each: kind, versions, first and last use, schema, owners, tags; the kind does not depend on arrival
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.datasets_at ${on_cluster} AS
${select(0082)}
