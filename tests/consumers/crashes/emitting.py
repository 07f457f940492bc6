"""A service that emits runs until it is killed: `python -m tests.consumers.crashes.emitting BROKERS PREFIX`."""

from __future__ import annotations

import itertools
import sys
import time

from headwater.producer import Producer
from headwater.settings import Settings

if __name__ == "__main__":
    producer = Producer(Settings(brokers=sys.argv[1], prefix=sys.argv[2]), service="emitting")
    job = producer.job("tests", "emitting")
    read = producer.dataset("s3://lake", "read")
    for number in itertools.count():
        with producer.run(job, inputs=[read.at(version=str(number))]) as run:
            run.output(producer.dataset("s3://lake", f"written-{number % 7}").at(version=str(number)))
        if number % 50 == 0:
            time.sleep(0.02)
