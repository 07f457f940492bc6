"""Subscribe to incidents from Python, on the bare install.

    from headwater.alerts import subscribe

    for alert in subscribe(group="on-call", severity=0.3):
        print(alert.title, alert.explanation, alert.command)

Delivery is at-least-once: an alert counts as done when your code asks for the next one. What was not done is
delivered again to the group's next subscriber. `subscribe_async` is the same for `async for`.
"""

from headwater.alerts.deciding import decide
from headwater.alerts.model import Alert, Cause, DatasetRef, Measure, Owner, Reached
from headwater.alerts.subscription import Subscription, subscribe, subscribe_async

__all__ = [
    "Alert",
    "Cause",
    "DatasetRef",
    "Measure",
    "Owner",
    "Reached",
    "Subscription",
    "decide",
    "subscribe",
    "subscribe_async",
]
