-- Event ids that stand for more than one content: all are kept, none is trusted over the other: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.conflicts ${on_cluster} AS
SELECT * FROM ${database}.conflicts_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Event ids that stand for more than one content: all are kept, none is trusted over the other'
