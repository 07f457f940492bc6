-- What body_digest of dead_letter_events is
-- kind: immediate
ALTER TABLE ${database}.dead_letter_events ${on_cluster} COMMENT COLUMN body_digest 'BLAKE2b-128 of the body as received.'
