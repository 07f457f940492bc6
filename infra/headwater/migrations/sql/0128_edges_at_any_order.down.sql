-- Parameterised (at, known_at): dataset edges that stand, one row each; a read that writes nothing has no target, by any of a dataset's names; the kind does not depend on arrival
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.edges_at ${on_cluster} AS
${select(0121)}
