-- Links of runs that stand: parent, root, messages taken: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.run_links ${on_cluster} AS
SELECT * FROM ${database}.run_links_at(at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), known_at = toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'))
COMMENT 'Links of runs that stand: parent, root, messages taken'
