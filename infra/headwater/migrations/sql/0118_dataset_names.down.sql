-- Names that have others, each with the name that stands for all of them: as known now
-- kind: immediate
DROP VIEW IF EXISTS ${database}.dataset_names ${on_cluster}
