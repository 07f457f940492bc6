-- Parameterised (at, known_at): ranges of numbers that never arrived, by producer
-- kind: immediate
CREATE VIEW IF NOT EXISTS ${database}.sequence_gaps_at ${on_cluster} AS
-- What is known at the end of time, every number, stands 64 a row; when each became known, in a row of its own.
SELECT producer_id, first AS first_missing, last AS last_missing
FROM
(
    SELECT
        producer_id,
        max(arrived.2) OVER (PARTITION BY producer_id ORDER BY arrived.1 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 1 AS first,
        arrived.1 - 1 AS last
    FROM
    (
        SELECT
            producer_id,
            -- Runs of bits: each begins where the bit before is not set and ends where the next one is not.
            arrayJoin(arrayMap((b, e) -> (64 * word + toInt64(b), 64 * word + toInt64(e)),
                bitPositionsToArray(bitAnd(every, bitNot(bitShiftLeft(every, 1)))),
                bitPositionsToArray(bitAnd(every, bitNot(bitShiftRight(every, 1)))))) AS arrived
        FROM
        (
            SELECT producer_id, word, groupBitOr(bits) AS every FROM ${database}.sequence_bits
            WHERE {known_at:DateTime64(6, 'UTC')} >= toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')
            GROUP BY producer_id, word
        )
        UNION ALL
        SELECT producer_id, (sequence, sequence) FROM ${database}.sequences
        WHERE {known_at:DateTime64(6, 'UTC')} < toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC') AND arrival <= {known_at:DateTime64(6, 'UTC')}
        UNION ALL
        SELECT producer_id, (max(last_sequence) + 1, max(last_sequence) + 1)
        FROM ${database}.producer_events
        WHERE event_time <= {at:DateTime64(6, 'UTC')} AND arrival <= {known_at:DateTime64(6, 'UTC')}
        GROUP BY producer_id
    )
)
WHERE last >= first
COMMENT 'Parameterised (at, known_at): ranges of numbers that never arrived, by producer'
