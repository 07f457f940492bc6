-- Parameterised (at, known_at): column edges that stand, one row each, by any of a dataset's names; the kind does not depend on arrival
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.column_edges_at ${on_cluster} AS
${select(0122)}
