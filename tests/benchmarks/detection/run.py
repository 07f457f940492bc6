"""A1 to A6 as one table, ours and the peers' on the same seeds in the same run, and what detection costs."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.benchmarks.detection import costs, ours, roots, volume_and_delay
from tests.benchmarks.detection.ours import drift_data, real_streams
from tests.benchmarks.detection.table import OURS, Table
from tests.benchmarks.peers import NoPeer, peer_python, run_peer
from tests.consumers.detection import flights

HELP = "false alarms, power, real years, volume, delay and roots (A1 to A6) beside Evidently, NannyML and River"

_PANDAS = ("pandas==2.3.3", "numpy==2.4.6")
#: Name -> environment, what it needs, the script's own name of it.
PEERS = {
    "Evidently 0.7.23": ("evidently", ("evidently==0.7.23", *_PANDAS), "evidently"),
    "NannyML 0.13.1": ("nannyml", ("nannyml==0.13.1", "statsmodels==0.14.6"), "nannyml"),
    "River 0.26.1, ADWIN": ("river", ("river==0.26.1",), "adwin"),
    "River 0.26.1, Page-Hinkley": ("river", ("river==0.26.1",), "pagehinkley"),
}
_DATA = ("statsmodels==0.14.6", "vega_datasets==0.9.0", *_PANDAS)
#: Two peers would tell their makers of each use, and NannyML waits long for a network that is not there.
_ALONE = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
#: Judged days or batches at most this far apart are one incident.
_GAP = 3
#: A2: the power that is asked for, case by case.
POWER = {"mean 0.5 sd": 0.95, "mean 0.25 sd": 0.90, "scale +20 %": 0.95, "category 5 pp": 0.90}
Found = dict[str, Any]


def run(arguments: argparse.Namespace) -> None:
    """Print the table, what it was of our streams' alarms, and which bars are reached."""
    share: float = min(arguments.share, 0.04) if arguments.quick else arguments.share
    batches, graphs, theirs = max(40, round(1_000 * share)), max(10, round(50 * share)), max(4, round(100 * share))
    stride = max(1, round(1 / share))
    print(f"A share of {share:g}: {batches} batches a case are ours to judge, {theirs} of them the peers'; of flights")
    print(f"they judge each {'day' if stride == 1 else f'{stride}th day'}. A1 at n = 20,000 has a quarter as many.\n")
    began = time.monotonic()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="headwater-detection-") as folder:
        _write_flights(Path(folder))
        try:
            run_peer(peer_python("data", *_DATA), "real_data.py", folder)
        except NoPeer as reason:
            print(f"The untuned streams are left out: {reason}\n")
        found = {OURS: {"batches": drift_data.count(ours.batch_judge(), batches), "streams": ours.streams(folder)}}
        asked = (str(theirs), str(stride), folder)
        for name, (environment, needs, called) in PEERS.items():
            before = time.monotonic()
            try:
                python = peer_python(environment, *needs)
                found[name] = run_peer(
                    python, "drift_peers.py", called, *asked, environment=_ALONE, seconds=max(3_600, 28_800 * share)
                )
            except NoPeer as reason:
                print(f"{name} is not here: {reason}", flush=True)
            print(f"    {name}: {time.monotonic() - before:,.0f} s", flush=True)
        found["p < 0.05"] = _plain(drift_data.joined(drift_data.reference()), theirs, folder)
    _batches(found, table)
    _streams(found, table)
    _volume_and_delay(max(10, batches // 10), table)
    _roots(graphs, table)
    _costs(20 if arguments.quick else 60, table)
    print("\n" + table.text() + "\n")
    for bar, reached in table.bars:
        print(f"{'reached' if reached else 'MISSED '}  {bar}")
    print(f"\n{time.monotonic() - began:,.0f} s in all, load now: {os.getloadavg()[0]:.1f}")


def _plain(reference: Found, batches: int, folder: str) -> Found:
    def of_stream(before: Any, now: Found) -> set[str]:
        return ours.p_values(ours.together(before), now)

    def of_batch(now: Found) -> set[str]:
        return ours.p_values(reference, now)

    streams: dict[str, Any] = real_streams.streams(folder)
    found = {name: drift_data.replay(of[0], of_stream, *of[1:]) for name, of in streams.items()}
    return {"batches": drift_data.count(of_batch, batches), "streams": found}


def _write_flights(folder: Path) -> None:
    days = [part for _, part in flights.days(None)]
    table: Found = {"begins": np.cumsum([0, *(len(part) for part in days[:-1])])}
    for column in flights.COLUMNS:
        text = days[0][column].dtype == pl.String
        parts = [
            part[column].fill_null("").to_numpy().astype("U12") if text else part[column].cast(pl.Float64).to_numpy()
            for part in days
        ]
        table[column] = np.concatenate(parts)
    np.savez(folder / "flights.npz", **table)


def _batches(found: dict[str, Found], table: Table) -> None:
    for case in found[OURS]["batches"]:
        shares = {name: hits / count for name, of in found.items() for hits, count in [of["batches"][case]]}
        ceiling = 1.0  # always fires: on every batch, and so on every fault
        bar = 0.01 if case.startswith("A1") else POWER[case.removeprefix("A2 ")]
        table.row(f"{case}", f"≤ {bar:g}" if case.startswith("A1") else f"≥ {bar:g}", shares, ceiling)
    ours_of = {case: hits / count for case, (hits, count) in found[OURS]["batches"].items()}
    calm = all(share <= 0.01 for case, share in ours_of.items() if case.startswith("A1"))
    table.bar("A1: at most 1 % of batches", calm)
    table.bar("A2: .95, .90, .95, .90", all(ours_of[f"A2 {case}"] >= bar for case, bar in POWER.items()))


def _streams(found: dict[str, Found], table: Table) -> None:
    for stream, of_ours in found[OURS]["streams"].items():
        tuned = stream == "flights"
        of = {name: one["streams"][stream] for name, one in found.items() if stream in one["streams"]}
        shown = f"A3 {stream} ({'tuned on' if tuned else 'held out'})"
        table.row(
            f"{shown}, parts alarmed",
            "–",
            {name: f"{len(one['alarmed'])} of {one['judged']}" for name, one in of.items()},
            "all",
        )
        incidents = {
            # of parts that were not all judged nobody knows which belong together
            name: "–" if one["stride"] > 1 else str(drift_data.spans(one["alarmed"], _GAP))
            for name, one in of.items()
        }
        table.row(f"{shown}, incidents", "≤ 10" if tuned else "≤ 1 in 20", incidents, "1")
        caught = {
            name: " ".join(f"{hits}/{count}" for hits, count in one["caught"].values()) for name, one in of.items()
        }
        table.row(f"{shown}, {', '.join(of_ours['caught'])}", "≥ .95" if tuned else "≥ .90", caught, "all")
        for line in of_ours["told"]:
            print(f"    {stream} {line}")
        few_spans: int = drift_data.spans(of_ours["alarmed"], _GAP)
        shares = [hits / count for hits, count in of_ours["caught"].values()]
        if tuned:
            table.bar(f"A3 {stream}: at most 10 incidents, each fault ≥ .95", few_spans <= 10 and min(shares) >= 0.95)
        else:
            few = few_spans <= max(1, of_ours["judged"] // 20)
            together = sum(hits for hits, _ in of_ours["caught"].values())
            of_all = sum(count for _, count in of_ours["caught"].values())
            table.bar(f"A3 {stream}: at most 1 incident in 20, faults ≥ .90", few and together >= 0.9 * of_all)


def _volume_and_delay(trials: int, table: Table) -> None:
    shares = volume_and_delay.a4()
    cases = (("days alarmed", "≤ 0.02"), ("30 % of the rows lost", "≥ 0.9"), ("half of the rows lost", "1"))
    for number, (case, bar) in enumerate(cases):
        table.row(f"A4 {case}", bar, {name: of[number] for name, of in shares.items()}, 1.0)
    calm, third, half = shares[OURS]
    table.bar("A4: ≤ .02, ≥ .90, 1.0", calm <= 0.02 and third >= 0.9 and half == 1.0)
    delays = volume_and_delay.a5(trials)
    for name, (first, two, count) in delays.items():
        bar = "in the first" if name == "D = 0.25" else "within two"
        table.row(f"A5 {name}: alarmed in the first, within two", bar, {OURS: f"{first}, {two} of {count}"}, "first")
    large = delays["D = 0.25"]
    late = all(two == count for _, two, count in delays.values())
    table.bar("A5: the first from D = 0.2 on and for a schema break, else within two", large[0] == large[2] and late)
    table.bar("A5: a schema break with its first write", volume_and_delay.schema_delay())


def _roots(graphs: int, table: Table) -> None:
    found = roots.a6(graphs)
    upstream = "most upstream alarmed node"
    table.row("A6 true root first", "≥ 0.85", {OURS: found["root"], upstream: found["upstream"]}, "–")
    told = {OURS: f"{found['all incidents']:.2f}", upstream: f"{found['alarms']:.2f} alarms"}
    table.row("A6 incidents a fault", "≤ 2", told, str(roots.NODES))
    table.bar("A6: ≥ .85, at most 2 incidents a fault", found["root"] >= 0.85 and found["all incidents"] <= 2)


def _costs(profiles: int, table: Table) -> None:
    """What our checks cost; a peer's batch is judged as a whole, so there is nothing to hold them against."""
    found = costs.measured(profiles)
    speed = f"{found.checks:,.0f}, at best {found.best:,.0f} (load {found.load:.0f})"
    table.row("column checks a second of one core", f"≥ {costs.LEAST_CHECKS:,}", {OURS: speed}, "–")
    state = f"{found.daily_kb:.0f}, {found.hourly_kb:.0f}"
    bar = f"≤ {costs.MOST_DAILY_KB}, {costs.MOST_HOURLY_KB}"
    table.row("state of a column, KB: daily, hourly", bar, {OURS: state}, "–")
    for name, reached in found.bars:
        table.bar(name, reached)
