"""How long something usually takes: from one write of a dataset to the next, from a run's start to its end."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headwater.detection.policy import Policy
from headwater.detection.statistics.robust import median_mad


def limit(waits: Sequence[float], policy: Policy) -> float | None:
    """Beyond this a wait is unusual; None where too few are known. In the unit of `waits`.

    The largest of median + 5 MAD, 1.5 times the 95th percentile, and 1.2 times the third-longest: what came three
    times, such as weekends, is usual, and one outage is not.
    """
    if len(waits) < policy.least_waits:
        return None
    median, mad = median_mad(waits)
    ordered = sorted(waits)
    high = ordered[math.ceil(0.95 * len(ordered)) - 1]
    third = ordered[-min(policy.tail_rank, len(ordered))]
    return max(median + policy.waits_mads * mad, policy.waits_high * high, policy.waits_tail * third)
