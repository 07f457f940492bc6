-- Event ids that stand for more than one content: all are kept, none is trusted over the other
-- kind: immediate
DROP VIEW IF EXISTS ${database}.conflicts ${on_cluster}
