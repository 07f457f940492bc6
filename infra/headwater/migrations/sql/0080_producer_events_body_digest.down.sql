-- What body_digest of producer_events is
-- kind: immediate
ALTER TABLE ${database}.producer_events ${on_cluster} COMMENT COLUMN body_digest 'BLAKE2b-128 of the body as received.'
