-- Parameterised (at, known_at): what could not be read, and why
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.dead_letters_at ${on_cluster} AS
SELECT
    v.event_id AS event_id,
    v.event_time AS event_time,
    v.topic AS topic,
    v.`partition` AS `partition`,
    v.`offset` AS `offset`,
    v.generation AS generation,
    v.timestamp AS timestamp,
    v.`key` AS `key`,
    v.worker AS worker,
    v.reason AS reason,
    v.detail AS detail,
    v.length AS length,
    lower(hex(v.digest)) AS digest,
    v.body AS body,
    v.arrival AS arrival
FROM ${database}.dead_letter_events AS v FINAL WHERE v.event_time <= {at:DateTime64(6, 'UTC')} AND v.arrival <= {known_at:DateTime64(6, 'UTC')}
COMMENT 'Parameterised (at, known_at): what could not be read, and why'
