"""A peer's detector on the same batches: `drift_peers.py NAME BATCHES STRIDE FOLDER`.

NAME is evidently, nannyml, adwin or pagehinkley. Of a long stream each STRIDE-th part is judged.
"""

import json
import math
import sys
import warnings

import drift_data
import numpy as np
import real_streams

warnings.filterwarnings("ignore")
#: A peer takes a second for each judgement: of the faults that we find or miss it is given each fourth.
SPARSE = 4
#: Streams of more parts than this are long.
LONG = 100
NAME, BATCHES, STRIDE, FOLDER = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def is_text(name, values):
    return name.startswith("category") or values.dtype.kind in "OUS"


def frame(table):
    import pandas as pd

    return pd.DataFrame(
        {name: values.astype(str) if is_text(name, values) else values for name, values in table.items()}
    )


def evidently(before, now):
    """Its data drift preset as it comes; a batch alarms where any column drifted."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    texts = [name for name, values in before.items() if is_text(name, values)]
    definition = DataDefinition(numerical_columns=[n for n in before if n not in texts], categorical_columns=texts)
    sides = [Dataset.from_pandas(frame(side), data_definition=definition) for side in (now, before)]
    done = Report([DataDriftPreset()]).run(*sides).dict()
    found = set()
    for metric in done["metrics"]:
        config = metric.get("config", {})
        if "ValueDrift" in str(metric.get("metric_name", metric.get("metric_id", ""))):
            threshold, value = config["threshold"], float(metric["value"])
            low_is_drift = "p_value" in str(config.get("method"))
            if (value < threshold) if low_is_drift else (value >= threshold):
                found.add(config["column"])
    return found


def nannyml(before, now):
    """Its univariate calculator with its default method and thresholds, chunks of the batch's size."""
    import nannyml as nml

    fitted = nml.UnivariateDriftCalculator(column_names=list(before), chunk_size=len(next(iter(now.values()))))
    fitted.fit(frame(before))
    done = fitted.calculate(frame(now)).filter(period="analysis").to_df()
    return {name for name in before if any(bool(v) for c, v in _alerts(done, name))}


def _alerts(done, name):
    for column in done.columns:
        if column[0] == name and column[-1] == "alert":
            for value in done[column]:
                yield column, value


class Fitted:
    """Peers that learn the reference once judge many batches with it."""

    def __init__(self):
        self._of = {}

    def nannyml(self, before, now, key):
        import nannyml as nml

        rows = len(next(iter(now.values())))
        if (key, rows) not in self._of:
            made = nml.UnivariateDriftCalculator(column_names=list(before), chunk_size=rows)
            made.fit(frame(before))
            self._of = {(key, rows): made}
        done = self._of[key, rows].calculate(frame(now)).filter(period="analysis").to_df()
        return {name for name in before if any(bool(value) for _, value in _alerts(done, name))}


def river(make):
    """A detector a column over the reference row by row, then over the batch: a copy of it for each."""
    import copy

    learned = {}

    def learn(before):
        made = {}
        for name, values in before.items():
            codes = None
            if values.dtype.kind in "OUS":
                codes = {value: n for n, value in enumerate(sorted(set(values.tolist())))}
            made[name] = make(), codes
            for value in numbers(values, codes):
                made[name][0].update(value)
        return made

    def judge(before, now, key=None):
        if key not in learned:
            learned.clear()
            learned[key] = learn(before)
        found = set()
        for name, values in now.items():
            detector, codes = copy.deepcopy(learned[key][name])
            for value in numbers(values, codes):
                detector.update(value)
                if detector.drift_detected:
                    found.add(name)
                    break
        return found

    return judge


def numbers(values, codes):
    """Values one after another as numbers, missing ones left out."""
    found = [codes.get(value, -1) for value in values.tolist()] if codes is not None else values.tolist()
    return [float(value) for value in found if not math.isnan(value)]


class Whole:
    """The parts before as one table, made once for each place in the stream."""

    def __init__(self):
        self._last = None

    def __call__(self, parts):
        key = id(parts[-1]), len(parts)
        if self._last is None or self._last[0] != key:
            self._last = key, together(parts)
        return self._last[1]


def together(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def main():
    before = drift_data.joined(drift_data.reference())
    if NAME == "evidently":
        judge, of_stream = (lambda now: evidently(before, now)), evidently
    elif NAME == "nannyml":
        fitted = Fitted()
        judge, of_stream = (lambda now: fitted.nannyml(before, now, "reference")), nannyml
    else:
        from river import drift

        detector = river({"adwin": drift.ADWIN, "pagehinkley": drift.PageHinkley, "kswin": drift.KSWIN}[NAME])
        judge = lambda now: detector(before, now, "reference")  # noqa: E731 — as for the others
        of_stream = lambda old, now: detector(old, now, id(old))  # noqa: E731 — as above
    whole = Whole()
    found = {"batches": drift_data.count(judge, BATCHES), "streams": {}}
    for name, (parts, faults, first, every) in real_streams.streams(FOLDER).items():
        stride = STRIDE if len(parts) > LONG else 1
        found["streams"][name] = drift_data.replay(
            parts, lambda old, now: of_stream(whole(old), now), faults, first, every * max(SPARSE, stride), stride
        )
    print(json.dumps(found))


main()
