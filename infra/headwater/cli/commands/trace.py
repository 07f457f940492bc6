"""`headwater trace`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.audit import Clocks, Explanation, Node, Walk
    from headwater.audit.store import Client

HELP = "walk the lineage of a dataset, version or column, up or down"
EXTRA = "audit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Exit code 0: the whole walk; 1: something was cut (the output says what). "
        "A NODE is a name, part of one, or namespace/name; @VERSION and [COLUMN] may follow."
    )
    parser.add_argument("node", metavar="NODE", nargs="?", help="name[@version][[column]]")
    parser.add_argument("--prediction", metavar="KEY", help="instead of NODE: from a prediction up to its raw sources")
    parser.add_argument("--stream", metavar="NAME", help="with --prediction: of this prediction stream")
    parser.add_argument(
        "--critical-path",
        action="store_true",
        help="the runs that decided when the node was ready, and how long each took",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--up", action="store_true", help="to the sources (default)")
    way.add_argument("--down", action="store_true", help="to what derives from it")
    way.add_argument("--both", action="store_true", help="both")
    parser.add_argument("--depth", type=int, default=50, metavar="N", help="edges from the node at most")
    parser.add_argument("--budget", type=int, default=20_000, metavar="N", help="edges read at most")
    parser.add_argument("--columns", action="store_true", help="along column edges")
    parser.add_argument(
        "--versions", choices=("all", "latest"), help="of a node without version (up: latest, down: all)"
    )
    parser.add_argument("--at", metavar="TIME", help="as it was true then (ISO 8601 with an offset)")
    parser.add_argument("--known-at", metavar="TIME", help="as it was known then")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--mermaid", action="store_true", help="print a Mermaid flowchart")
    form.add_argument("--dot", action="store_true", help="print a Graphviz digraph")
    form.add_argument("--svg", metavar="FILE", type=Path, help="write a picture")
    form.add_argument("--html", metavar="FILE", type=Path, help="write a picture with all edges below, one file")
    parser.add_argument(
        "--draw", choices=("versions", "datasets"), help="a box each (else: versions while they are few)"
    )
    parser.add_argument("--store-url", metavar="URL", help="ClickHouse over HTTP")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.audit import Clocks, connect, resolve, steps
    from headwater.audit.drawing import merged
    from headwater.audit.questions import parse_time
    from headwater.audit.render import dot, mermaid, tree

    clocks = Clocks(
        parse_time("--at", arguments.at) if arguments.at else None,
        parse_time("--known-at", arguments.known_at) if arguments.known_at else None,
    )
    _refuse(arguments)
    client = connect(settings)
    if arguments.critical_path:
        return _critical(client, resolve(client, arguments.node), clocks, arguments)
    explained = _explained(client, settings, clocks, arguments)
    if explained is not None:
        about, walks = f"prediction {arguments.prediction}", [explained.walk]
    else:
        node = resolve(client, arguments.node)
        about, walks = str(node), _walks(client, node, clocks, arguments)
    if arguments.json and explained is not None:
        print(json.dumps(explained.as_dict(), indent=2))
    elif arguments.json:
        print(json.dumps([one.as_dict() for one in walks] if arguments.both else walks[0].as_dict(), indent=2))
    elif arguments.svg or arguments.html:
        return _drawn(walks, f"Lineage of {about}", clocks, arguments)
    elif arguments.mermaid or arguments.dot:
        whole = merged(walks)
        print(mermaid(whole) if arguments.mermaid else dot(whole))
    else:
        for one in walks:
            runs = {edge.run_id for edge in one.edges if edge.run_id is not None}
            print(f"{one.direction}: {len(one.nodes)} nodes, {len(one.edges)} edges")
            print(tree(one, steps(client, runs, clocks)))
    return int(any(one.truncated for one in walks))


def _refuse(arguments: argparse.Namespace) -> None:
    from headwater.errors import SettingsError

    if arguments.depth < 1 or arguments.budget < 1:
        raise SettingsError("--depth and --budget are at least 1")
    if (arguments.node is None) == (arguments.prediction is None):
        raise SettingsError("trace follows a NODE, or --prediction KEY")
    if arguments.stream and arguments.prediction is None:
        raise SettingsError("--stream goes with --prediction")
    downwards = arguments.down or arguments.both
    if (arguments.prediction is not None or arguments.critical_path) and downwards:
        raise SettingsError("a prediction and a critical path are followed upwards only")
    if arguments.critical_path and arguments.prediction is not None:
        raise SettingsError("--critical-path is of a NODE")


def _walks(client: Client, node: Node, clocks: Clocks, arguments: argparse.Namespace) -> list[Walk]:
    from headwater.audit import walk
    from headwater.audit.model import Direction

    ways: tuple[Direction, ...] = ("up", "down") if arguments.both else ("down",) if arguments.down else ("up",)
    columns = True if arguments.columns else None
    return [
        walk(
            client,
            node,
            way,
            arguments.depth,
            arguments.budget,
            columns=columns,
            versions=arguments.versions,
            clocks=clocks,
        )
        for way in ways
    ]


def _explained(client: Client, settings: Settings, clocks: Clocks, arguments: argparse.Namespace) -> Explanation | None:
    from headwater.audit import explain_prediction

    if arguments.prediction is None:
        return None
    return explain_prediction(
        client,
        arguments.prediction,
        arguments.stream,
        digest_key=settings.digest_key,
        depth=arguments.depth,
        budget=arguments.budget,
        clocks=clocks,
    )


def _critical(client: Client, node: Node, clocks: Clocks, arguments: argparse.Namespace) -> int:
    from headwater.audit import critical_path
    from headwater.audit.render import label, table

    found = critical_path(client, node, depth=arguments.depth, budget=arguments.budget, clocks=clocks)
    if arguments.json:
        print(json.dumps(found.as_dict(), indent=2))
        return int(found.truncated)
    print(f"{label(found.node)} was ready {found.seconds:,.1f} s after the first of these runs began")
    columns = ("output", "job", "run", "started_at", "waited_s", "ran_s", "share")
    rows = [
        (label(one.output), one.job_name, str(one.run_id)[:8], one.started_at, one.waited, one.ran, f"{one.share:.1%}")
        for one in found.stages
    ]
    print(table(columns, rows) if rows else "no run is known to have made it")
    if found.truncated:
        print(f"(truncated: {found.reason})")
    return int(found.truncated)


def _drawn(walks: list[Walk], title: str, clocks: Clocks, arguments: argparse.Namespace) -> int:
    from headwater.audit.picture import picture
    from headwater.errors import SettingsError

    made = picture(
        walks, title=title, clocks=clocks, versions=None if arguments.draw is None else arguments.draw == "versions"
    )
    path: Path = arguments.svg or arguments.html
    try:
        path.write_text(made.svg + "\n" if arguments.svg else made.html, "utf-8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error}") from None
    print(f"{sum(len(one.nodes) for one in walks)} nodes, {sum(len(one.edges) for one in walks)} edges in {path}")
    if made.truncated:
        print(f"(truncated: {made.reason})")
    return int(made.truncated)
