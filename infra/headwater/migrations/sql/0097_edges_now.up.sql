-- Dataset edges that stand, one row each; a read that writes nothing has no target: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.edges ${on_cluster} AS
SELECT * FROM ${database}.edges_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Dataset edges that stand, one row each; a read that writes nothing has no target'
