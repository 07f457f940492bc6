-- What could not be read, and why: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.dead_letters ${on_cluster} AS
${select(0067)}
