-- Checkpoints of the ledger that were exported
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.checkpoints ${on_cluster}
(
    `made` DateTime64(6, 'UTC') COMMENT 'When it was made.' CODEC(Delta, ZSTD(1)),
    `digest` String COMMENT 'SHA-256 of the checkpoint, hexadecimal: names it, wherever a copy is held.',
    `messages` UInt64 COMMENT 'How many messages the ledger had then.',
    `checked` Bool COMMENT 'Whether the history was checked in full, and found whole, just before.',
    `signer` String COMMENT 'Ed25519 public key that signed it, hexadecimal; empty: not signed.'
)
ENGINE = ${appending}
ORDER BY (made)
SETTINGS ${settings}
COMMENT 'Checkpoints of the ledger that were exported'
