-- Names that events say mean the same dataset: aliases and renames, each both ways round, from what arrives
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_aliases_mv ${on_cluster}
