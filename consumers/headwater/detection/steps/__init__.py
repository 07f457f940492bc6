"""The three processors of detection, as the worker core runs them."""

from headwater.detection.steps.checks import ChecksStep
from headwater.detection.steps.incidents import IncidentsStep
from headwater.detection.steps.uses import UsesStep

__all__ = ["ChecksStep", "IncidentsStep", "UsesStep"]
