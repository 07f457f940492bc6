"""Alerts to where people are: webhooks, Slack, PagerDuty, Alertmanager, e-mail. On the bare install.

targets.py    the file that says whom to tell, checked
payloads.py   an alert as each of them wants it
sending.py    one delivery over HTTP or SMTP, within its deadline
resending.py  what was given up, delivered after all
worker.py     a group and a thread for each target: retries, each alert once, what is given up
"""

from headwater.notify.targets import Target, load
from headwater.notify.worker import Notifier, resend

__all__ = ["Notifier", "Target", "load", "resend"]
