-- Numbers that producers handed out and that never arrived, by range: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.producer_gaps ${on_cluster} AS
${select(0069)}
