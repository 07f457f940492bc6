"""Profiles of datasets: what a column looks like, in 2–3 KB, and a fingerprint of the content. Needs numpy."""

from headwater.producer.profiles.profile import Gathering, Profile, as_record, profile

__all__ = ["Gathering", "Profile", "as_record", "profile"]
