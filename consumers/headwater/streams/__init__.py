"""The worker core: runs processing steps on Faust, a fetched chunk at a time.

It unframes messages, finds their schemas, proves each body, sends what cannot be read to dead letters, hands
batches to a step, sends its outputs and commits offsets once they are confirmed. See `step.Step`.
"""

from headwater.streams.batch import Batch, Group
from headwater.streams.runner import run
from headwater.streams.step import Backpressure, Output, Past, Retry, Round, Stateful, Step, instance_id

__all__ = [
    "Backpressure",
    "Batch",
    "Group",
    "Output",
    "Past",
    "Retry",
    "Round",
    "Stateful",
    "Step",
    "instance_id",
    "run",
]
