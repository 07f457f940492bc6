"""What a service embeds to tell its lineage: `Producer`, and the handles, runs and predictors that it makes."""

from headwater.producer.handles import Column, Dataset, Job
from headwater.producer.memory import InMemoryProducer
from headwater.producer.predictions import Predictor, Taken
from headwater.producer.producer import Producer
from headwater.producer.reference import RunReference, carry, current_run
from headwater.producer.run import Run
from headwater.producer.stats import DROPS, Stats

__all__ = [
    "DROPS",
    "Column",
    "Dataset",
    "InMemoryProducer",
    "Job",
    "Predictor",
    "Producer",
    "Run",
    "RunReference",
    "Stats",
    "Taken",
    "carry",
    "current_run",
]
