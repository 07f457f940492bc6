"""The rules file: settings of datasets, and policies about who may do what with them."""

from headwater.detection.rules.file import check, load
from headwater.detection.rules.model import DatasetRule, PolicyRule, Rules

__all__ = ["DatasetRule", "PolicyRule", "Rules", "check", "load"]
