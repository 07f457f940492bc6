-- Who owns a dataset or job, as declared; a decision stands over what events declare: as known now
-- kind: immediate
CREATE OR REPLACE VIEW ${database}.owners ${on_cluster} AS
${select(0059)}
