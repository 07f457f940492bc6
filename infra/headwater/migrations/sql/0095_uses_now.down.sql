-- Who read, wrote or described which dataset: one row an event and dataset: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.uses ${on_cluster} AS
${select(0053)}
