-- Names that events say mean the same dataset: aliases and renames, each both ways round, of events that are there already
-- kind: long
TRUNCATE TABLE IF EXISTS ${database}.dataset_aliases ${on_cluster}
