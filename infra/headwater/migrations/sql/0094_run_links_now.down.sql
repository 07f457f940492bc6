-- Links of runs that stand: parent, root, messages taken: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.run_links ${on_cluster} AS
${select(0052)}
