"""What a service embeds to tell its lineage: `Producer`, and the handles, runs and predictors that it makes."""

import logging

from headwater.errors import MissingExtra, SettingsError
from headwater.producer._profiler import Profiler
from headwater.producer.handles import Column, Dataset, Job
from headwater.producer.memory import InMemoryProducer, ToldRun
from headwater.producer.predictions import Predictor
from headwater.producer.producer import Producer
from headwater.producer.reference import RunReference, carry, current_run
from headwater.producer.run import Run
from headwater.producer.stats import DROPS, Stats
from headwater.producer.trace import Taken

# A library says nothing on a host's stderr unless the host configures logging.
logging.getLogger("headwater.producer").addHandler(logging.NullHandler())

__all__ = [
    "DROPS",
    "Column",
    "Dataset",
    "InMemoryProducer",
    "Job",
    "MissingExtra",
    "Predictor",
    "Producer",
    "Profiler",
    "Run",
    "RunReference",
    "SettingsError",
    "Stats",
    "Taken",
    "ToldRun",
    "carry",
    "current_run",
]
