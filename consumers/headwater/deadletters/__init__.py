"""Dead letters, looked at and sent again: what could not be read, why, and whether it can be read by now."""

from headwater.deadletters.describing import Description, describe
from headwater.deadletters.letters import Letter, Wanted, from_history, from_topic
from headwater.deadletters.replay import Plan, Unit, plan, send
from headwater.deadletters.replays import Replays, replays

__all__ = [
    "Description",
    "Letter",
    "Plan",
    "Replays",
    "Unit",
    "Wanted",
    "describe",
    "from_history",
    "from_topic",
    "plan",
    "replays",
    "send",
]
