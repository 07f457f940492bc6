-- What body_digest of verdict_events is
-- kind: immediate
ALTER TABLE ${database}.verdict_events ${on_cluster} COMMENT COLUMN body_digest 'BLAKE2b-128 of the body as received.'
