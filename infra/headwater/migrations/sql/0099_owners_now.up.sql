-- Who owns a dataset or job, as declared; a decision stands over what events declare: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.owners ${on_cluster} AS
SELECT * FROM ${database}.owners_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Who owns a dataset or job, as declared; a decision stands over what events declare'
