"""`headwater decide`."""

from __future__ import annotations

import argparse
import getpass
import uuid

from headwater.settings import Settings

HELP = "accept as the new normal, suppress, acknowledge, lift; owners and tags"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Says what you decided, for all workers and the history. ABOUT is namespace/name of a dataset; of acknowledge "
        "an incident's id, of lift the id that the decision printed. A suppression stands until its time is over "
        "or it is lifted, owners and tags until they are decided anew; accept and acknowledge are not taken back."
    )
    parser.add_argument("kind", choices=("accept", "suppress", "acknowledge", "lift", "owner", "tag"), help="what")
    parser.add_argument("about", nargs="?", metavar="ABOUT", help="dataset, incident or decision")
    parser.add_argument("--column", help="only this column")
    parser.add_argument("--check", help="accept: only of this check: drift, volume, metric, reference or skew")
    parser.add_argument("--metric", metavar="NAME", help="accept: only this metric's level")
    parser.add_argument("--job", metavar="NAMESPACE/NAME", help="suppress: alarms of this job")
    parser.add_argument("--rule", help="suppress: alarms of this rule")
    parser.add_argument("--from", dest="since", metavar="TIME", help="from when, UTC; accept: since when it is normal")
    parser.add_argument("--until", metavar="TIME", help="suppress: until when, UTC")
    parser.add_argument("--owner", action="append", default=[], help="owner: once for each")
    parser.add_argument("--tag", action="append", default=[], help="tag: once for each; none takes all away")
    parser.add_argument("--because", default="", metavar="TEXT", help="why, kept with it")
    parser.add_argument("--as", dest="actor", metavar="NAME", help="who decides; default: you")
    parser.add_argument("--brokers", metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--prefix", help="put before every name")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    from headwater.alerts.deciding import decide
    from headwater.cli.moments import moment

    about = arguments.about or ""
    is_id = arguments.kind in {"acknowledge", "lift"}
    namespace, name = ("", "") if is_id or not about else _named(about)
    job_namespace, job_name = _named(arguments.job) if arguments.job else ("", "")
    made = decide(
        arguments.kind,
        actor=arguments.actor or settings.actor or getpass.getuser(),
        reason=arguments.because,
        namespace=namespace,
        name=name,
        column=arguments.column,
        check=arguments.check,
        metric=arguments.metric,
        job_namespace=job_namespace,
        job_name=job_name,
        rule=arguments.rule,
        incident_id=_id(about) if arguments.kind == "acknowledge" else None,
        lifts=_id(about) if arguments.kind == "lift" else None,
        since=moment(arguments.since) if arguments.since else None,
        until=moment(arguments.until) if arguments.until else None,
        owners=arguments.owner,
        tags=arguments.tag,
        settings=settings,
    )
    back = f"  (`headwater decide lift {made.hex}` takes it back)" if arguments.kind == "suppress" else ""
    print(f"decided: {made.hex}{back}")
    if arguments.kind == "accept" and arguments.check in {None, "reference"} and not arguments.metric:
        print("a reference that was pinned before is held against no more; pin a newer version in the rules file")
    return 0


def _named(text: str) -> tuple[str, str]:
    from headwater.errors import SettingsError

    namespace, slash, name = text.rpartition("/")
    if not (slash and namespace and name):
        raise SettingsError(f"{text!r} is not namespace/name")
    return namespace, name


def _id(text: str) -> uuid.UUID:
    from headwater.errors import SettingsError

    try:
        return uuid.UUID(hex=text)
    except ValueError:
        raise SettingsError(f"{text!r} is no whole id") from None
