-- Event ids that stand for more than one content: all are kept, none is trusted over the other: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.conflicts ${on_cluster} AS
${select(0070)}
