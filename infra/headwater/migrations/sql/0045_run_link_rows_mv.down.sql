-- lineage.edges: links of runs
-- kind: immediate
DROP VIEW IF EXISTS ${database}.run_link_rows_mv ${on_cluster}
