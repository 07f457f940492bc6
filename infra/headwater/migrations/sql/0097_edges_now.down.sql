-- Dataset edges that stand, one row each; a read that writes nothing has no target: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.edges ${on_cluster} AS
${select(0055)}
