-- What body_digest of alert_events is
-- kind: immediate
ALTER TABLE ${database}.alert_events ${on_cluster} COMMENT COLUMN body_digest 'BLAKE2b-128 of the body as received.'
