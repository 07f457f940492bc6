-- What body_digest of edge_set_events is
-- kind: immediate
ALTER TABLE ${database}.edge_set_events ${on_cluster} COMMENT COLUMN body_digest 'BLAKE2b-128 of the body as received.'
