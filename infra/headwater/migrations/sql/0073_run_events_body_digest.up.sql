-- What body_digest of run_events is
-- kind: immediate
ALTER TABLE ${database}.run_events ${on_cluster} COMMENT COLUMN body_digest 'First 16 bytes of the SHA-256 of the body as received; BLAKE2b-128 in rows from before the ledger.'
