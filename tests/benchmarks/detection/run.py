"""A1 to A6 as tables, ours and the peers' on the same seeds in the same run, and what detection costs."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.benchmarks.detection import costs, ours, roots, volume_and_delay
from tests.benchmarks.detection.ours import drift_data, real_streams
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
#: Judged days or batches at most this far apart are one incident.
_GAP = 3
Found = dict[str, Any]


def run(arguments: argparse.Namespace) -> None:
    """Print the tables and which bars are reached."""
    batches, most, theirs = (40, 10, 4) if arguments.quick else (1_000, 50, 100)
    with tempfile.TemporaryDirectory(prefix="headwater-detection-") as folder:
        _write_flights(Path(folder))
        try:
            run_peer(peer_python("data", *_DATA), "real_data.py", folder)
        except NoPeer as reason:
            print(f"The untuned streams are left out: {reason}\n")
        found = {
            "Headwater": {"batches": drift_data.count(ours.batch_judge(), batches), "streams": ours.streams(folder)}
        }
        reference = drift_data.joined(drift_data.reference())
        found["plain p < 0.05"] = _plain(reference, theirs, folder)
        for name, (environment, needs, called) in PEERS.items():
            try:
                found[name] = run_peer(peer_python(environment, *needs), "drift_peers.py", called, str(theirs), folder)
            except NoPeer as reason:
                print(f"{name} is not here: {reason}", flush=True)
    _batches(found)
    _streams(found)
    _volume_and_delay(max(10, batches // 10))
    _roots(most)
    _costs(50 if arguments.quick else 300)


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


def _batches(found: dict[str, Found]) -> None:
    cases = list(found["Headwater"]["batches"])
    print("A1, share of batches without drift that alarm, and A2, share with drift whose column is found:\n")
    print("| detector | " + " | ".join(cases) + " | batches |")
    print("|---" * (len(cases) + 2) + "|")
    for name, of in found.items():
        shares = [of["batches"][case][0] / of["batches"][case][1] for case in cases]
        print(f"| {name} | " + " | ".join(f"{share:.3g}" for share in shares) + f" | {of['batches'][cases[0]][1]} |")
    for name, share in (("always fires", 1), ("never fires", 0)):
        print(f"| {name} | " + " | ".join([str(share)] * len(cases)) + " | – |")
    ours_of = {case: hits / count for case, (hits, count) in found["Headwater"]["batches"].items()}
    _judge("A1: at most 1 % of batches", all(share <= 0.01 for case, share in ours_of.items() if case.startswith("A1")))
    bars = {"mean 0.5 sd": 0.95, "mean 0.25 sd": 0.90, "scale +20 %": 0.95, "category 5 pp": 0.90}
    _judge("A2: .95, .90, .95, .90", all(ours_of[f"A2 {case}"] >= bar for case, bar in bars.items()))


def _streams(found: dict[str, Found]) -> None:
    print("\nA3, real streams: flights is what the gates were tuned on, the others were held out.\n")
    print("| stream | detector | judged | alarmed | incidents | faults found |")
    print("|---|---|---|---|---|---|")
    for stream, of_ours in found["Headwater"]["streams"].items():
        for name, of in found.items():
            result = of["streams"].get(stream)
            if result is None:
                continue
            caught = ", ".join(f"{fault} {hits}/{count}" for fault, (hits, count) in result["caught"].items())
            incidents: int = drift_data.spans(result["alarmed"], _GAP)
            print(
                f"| {stream} | {name} | {result['judged']} | {len(result['alarmed'])} | {incidents} | {caught} |",
                flush=True,
            )
        for line in of_ours["told"]:
            print(f"    {stream} {line}")
        few_spans: int = drift_data.spans(of_ours["alarmed"], _GAP)
        shares = [hits / count for hits, count in of_ours["caught"].values()]
        if stream == "flights":
            _judge(f"A3 {stream}: at most 10 incidents, each fault ≥ .95", few_spans <= 10 and min(shares) >= 0.95)
        else:
            few = few_spans <= max(1, of_ours["judged"] // 20)
            together = sum(hits for hits, _ in of_ours["caught"].values())
            of_all = sum(count for _, count in of_ours["caught"].values())
            _judge(f"A3 {stream}: at most 1 incident in 20, faults ≥ .90", few and together >= 0.9 * of_all)


def _volume_and_delay(trials: int) -> None:
    print("\nA4, rows of the days of flights:\n\n| detector | alarmed as it was | 30 % lost | 50 % lost |")
    print("|---|---|---|---|")
    shares = volume_and_delay.a4()
    for name, (calm, third, half) in shares.items():
        print(f"| {name} | {calm:.3f} | {third:.3f} | {half:.3f} |")
    calm, third, half = shares["Headwater"]
    _judge("A4: ≤ .02, ≥ .90, 1.0", calm <= 0.02 and third >= 0.9 and half == 1.0)
    delays = volume_and_delay.a5(trials)
    print("\nA5, alarmed in the first profile and within two:\n")
    for name, (first, two, count) in delays.items():
        print(f"    {name}: {first} and {two} of {count}")
    large = delays["D = 0.25"]
    late = all(two == count for _, two, count in delays.values())
    _judge("A5: the first from D = 0.2 on and for a schema break, else within two", large[0] == large[2] and late)
    _judge("A5: a schema break with its first write", volume_and_delay.schema_delay())


def _roots(graphs: int) -> None:
    found = roots.a6(graphs)
    print(f"\nA6, {graphs} graphs of {roots.NODES} nodes, 1 % false alarms:\n")
    print("| way | the true root first | incidents a fault | of them of the fault |\n|---|---|---|---|")
    print(f"| Headwater | {found['root']:.3f} | {found['all incidents']:.2f} | {found['incidents']:.2f} |")
    print(f"| the most upstream alarmed node | {found['upstream']:.3f} | {found['alarms']:.2f} (raw alarms) | – |")
    _judge("A6: ≥ .85, at most 2 incidents a fault", found["root"] >= 0.85 and found["all incidents"] <= 2)


def _costs(profiles: int) -> None:
    speed = costs.checks_a_second(profiles)
    daily, hourly = costs.state_bytes(24) / 1024, costs.state_bytes(1) / 1024
    print(f"\n{speed:,.0f} column checks a second of one core")
    print(f"state of a column: {daily:.0f} KB daily, {hourly:.0f} KB hourly")
    _judge("2,000 column checks a second", speed >= 2_000)
    _judge("at most 48 KB a column daily, 128 KB hourly", daily <= 48 and hourly <= 128)


def _judge(bar: str, reached: bool) -> None:
    print(f"{'reached' if reached else 'MISSED '}  {bar}", flush=True)
