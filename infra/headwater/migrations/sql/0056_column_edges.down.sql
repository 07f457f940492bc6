-- Column edges that stand, one row each
-- kind: immediate
DROP VIEW IF EXISTS ${database}.column_edges ${on_cluster}
