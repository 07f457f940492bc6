-- Names that events say mean the same dataset: aliases and renames, each both ways round
-- kind: immediate
DROP TABLE IF EXISTS ${database}.dataset_aliases ${on_cluster}
