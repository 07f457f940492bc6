"""Versions of datasets as their stores name them, for `Dataset.at(**…)`, or digests of their content.

None of the libraries is imported: what is handed over brings what is needed. A function that cannot tell a version
logs why (logger headwater.producer) and gives nothing, so that `at` leaves the dataset as it was; none raises.
"""

from headwater.producer.versions.files import content, file, folder
from headwater.producer.versions.git import git
from headwater.producer.versions.said import Said
from headwater.producer.versions.stores import delta, iceberg, lance, stored
from headwater.producer.versions.telling import of

__all__ = ["Said", "content", "delta", "file", "folder", "git", "iceberg", "lance", "of", "stored"]
