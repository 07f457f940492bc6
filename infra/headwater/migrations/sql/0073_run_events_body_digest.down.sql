-- What body_digest of run_events is
-- kind: immediate
ALTER TABLE ${database}.run_events ${on_cluster} COMMENT COLUMN body_digest 'BLAKE2b-128 of the body as received.'
