"""Every threshold of detection, with where it comes from. Policy only: no state lives here."""

from __future__ import annotations

from dataclasses import dataclass

DAY_US = 24 * 60 * 60 * 1_000_000


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How checks judge and how incidents are told. The defaults need no tuning for daily and hourly data."""

    #: Gate 1, enough data: rows on each side. Below it the chi-squared and Kolmogorov tails are no guide.
    least_rows: int = 100
    #: Gate 2, significant: the chance of one false finding among all columns of a profile (Holm 1979).
    family_alpha: float = 0.001
    #: Gate 3, large enough. Kolmogorov distance D, 0 to 1.
    least_distance: float = 0.05
    #: Gate 3: Wasserstein-1 distance in standard deviations of the baseline.
    least_shift: float = 0.1
    #: Gate 3: total variation of categories, 0 to 1.
    least_variation: float = 0.03
    #: Gate 3: change of the share of nulls, 0 to 1.
    least_nulls: float = 0.01
    #: Gate 4, unusual here: score above median + this many MAD of its own history.
    unusual_mads: float = 4.0
    #: Gate 4: points of history that it needs; before that a finding is told (warn), never alarmed.
    least_history: int = 14
    #: Gate 4: a history that never varied gives no MAD; the score must pass its median by this share of it.
    least_unusual: float = 0.25
    #: Gate 4: an effect below this multiple of the least one is not held against its history: its rarity is 0.
    least_asked: float = 0.5
    #: Gate 4: the tail of the history is drawn through its k-th largest score …
    tail_rank: int = 3
    #: … and a score must lie where that tail is passed once in so many profiles.
    tail_rarity: float = 1000.0
    #: Gate 4: points of history that are kept, one a profile.
    history: int = 180
    #: Gate 5, persistent: so many of the last `persistence_of` profiles, the judged one among them …
    persistence: int = 2
    persistence_of: int = 3
    #: … or at once from this distance on (D, total variation, or change of nulls).
    at_once: float = 0.2
    #: Baselines: the last so many profiles.
    rolling: int = 28
    #: Baselines: the same weekday (hour of the day where it runs several times a day), so many points at least …
    least_season: int = 4
    #: … and so many at most: 8 weeks.
    season: int = 8
    #: Baselines of what runs several times a day: the same hour of the days that so many profiles reach back, five
    #: where it runs hourly. It decides alone: 28 hours are no guide to an hour of a daily cycle.
    reach_frequent: int = 144
    #: A pinned reference: so many profiles are held against it together …
    reference_profiles: int = 7
    #: … and must differ this many times as much as is large enough between neighbours.
    reference_times: float = 2.0
    #: A profile that comes late: so many later ones at most are judged again, with it in their baselines. Nothing is
    #: judged again where more are.
    again: int = 7
    #: The same of the rows of versions, which take less room: the 90 days that a topic keeps, of what is written daily.
    #: Events of one dataset stand on many partitions, so whoever reads a backlog has them in no order.
    again_counts: int = 90
    #: The same of what runs read, of the fingerprints of what they read and wrote, and of what they wrote again.
    again_uses: int = 28
    #: Volume: distance from the same weekday's median in MAD, and at least this share of the median: told …
    volume_mads: float = 5.0
    least_volume: float = 0.05
    #: … and alarmed from this share on. Measured on 365 days of flights: 1.1 % of days (holidays), −30 % always found.
    alarm_volume: float = 0.25
    #: Volume: without the weekday's own history so many points of any day are needed.
    least_volume_history: int = 14
    #: Metric of a model: distance from its median in MAD, and at least this share of the median.
    metric_mads: float = 5.0
    least_metric: float = 0.1
    #: Waits (freshness, stuck runs): so many must be known; unusual beyond the largest of median + this many MAD …
    least_waits: int = 8
    waits_mads: float = 5.0
    #: … this many times their 95th percentile, and this many times the third-longest.
    waits_high: float = 1.5
    waits_tail: float = 1.2
    #: Freshness: writes so close together are one, µs.
    burst_us: int = 60_000_000
    #: Freshness and stuck runs: never told before so long has passed, µs.
    least_wait_us: int = 300_000_000
    #: Freshness and stuck runs: after messages that came late, or a start, nothing is called overdue for so long,
    #: µs of arrival: what is missing may stand on the topic behind them.
    hold_us: int = 60_000_000
    #: Duplication: share of rows that were there in an earlier profile, 0 to 1.
    least_copies: float = 0.2
    #: Late upstream: share of a job's runs that read again what the run before read, at most, for one to be unusual.
    most_usual_repeats: float = 0.05
    #: Incidents: an alarmed verdict waits so long for the edges and verdicts that belong to it, µs of arrival.
    settle_us: int = 2_000_000
    #: Incidents: where no edge names its dataset version yet, it waits up to so long, µs of arrival.
    edges_wait_us: int = 10_000_000
    #: Incidents: after a message about an incident the next one waits at least so long, µs of arrival.
    update_us: int = 10_000_000
    #: Incidents: a check must be well so many times in a row before its incident is over.
    resolve_after: int = 3
    #: Incidents: the run-level graph, verdicts and runs are kept so long, µs of event time behind the newest.
    graph_us: int = 60 * DAY_US
    #: Incidents: most nodes visited by one walk; a walk that is cut says so.
    walk_budget: int = 20_000
    #: Incidents: an ancestor whose effect is below this share of an alarm's did not cause it.
    least_handed: float = 0.4
    #: Incidents: an ancestor whose score stands below this share of its own limit is no cause.
    least_cause: float = 0.5
