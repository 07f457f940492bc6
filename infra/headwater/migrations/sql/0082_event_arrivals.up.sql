-- When each run event was known first
-- kind: immediate
CREATE TABLE IF NOT EXISTS ${database}.event_arrivals ${on_cluster}
(
    `event_id` UUID COMMENT 'The event.' CODEC(NONE),
    `arrival` DateTime64(6, 'UTC') COMMENT 'When we knew it; of repeated deliveries the earliest stands.' CODEC(Delta, ZSTD(1)),
    `precedence` UInt64 COMMENT 'Largest for the row that stands.' CODEC(Delta, ZSTD(1))
)
ENGINE = ${replacing(precedence)}
PARTITION BY toYYYYMM(arrival)
ORDER BY (event_id)
SETTINGS ${settings}
COMMENT 'When each run event was known first'
