-- Names that have others, each with the name that stands for all of them: as known now
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.dataset_names ${on_cluster} AS
SELECT * FROM ${database}.dataset_names_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Names that have others, each with the name that stands for all of them'
