-- Parameterised (known_at): datasets and their versions, as they were known then; what is shown does not depend on arrival
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.nodes_at ${on_cluster} AS
${select(0074)}
