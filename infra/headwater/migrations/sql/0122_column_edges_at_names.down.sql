-- Parameterised (at, known_at): column edges that stand, one row each, by any of a dataset's names
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.column_edges_at ${on_cluster} AS
${select(0080)}
