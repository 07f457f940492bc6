-- Numbers that producers handed out and that never arrived, by range: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.producer_gaps ${on_cluster} AS
SELECT * FROM ${database}.producer_gaps_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Numbers that producers handed out and that never arrived, by range'
