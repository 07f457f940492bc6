"""Which versions are released: `avsc/released.json` holds each one's fingerprint and the SHA-256 of its file.

A released file never changes, not even its docs. To release a new version of a record, add
`avsc/<record>/v<n>.avsc` and run

    python -m headwater.schemas.release

which checks it against every released version and against the rules, and adds it to the list. Both go into
the same commit. A test holds the list against the files. As long as no release of Headwater carries a version,
its file may still change: `--again` lists the newest version of the records named after it anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence

from headwater.errors import ContractError
from headwater.schemas import records
from headwater.schemas.evolution import incompatible
from headwater.schemas.records import RECORDS, Release, current, listed, parse, released
from headwater.schemas.rules import broken, disagreeing


def found() -> Mapping[str, tuple[Release, ...]]:
    """What the files say."""
    return {
        record: tuple(
            # Parsed anew: `released` takes the fingerprint of a listed file from the list.
            Release(number, f"{parse(schema.text).fingerprint:016x}", hashlib.sha256(schema.text.encode()).hexdigest())
            for number, schema in enumerate(released(record), 1)
        )
        for record in RECORDS
    }


def problems() -> tuple[str, ...]:
    """Why the newest versions may not be released; empty where they may."""
    said: list[str] = []
    for record in RECORDS:
        *older, newest = released(record)
        said += (f"{record}: {problem}" for problem in (*broken(newest), *incompatible(newest, older)))
    return (*said, *disagreeing({record: current(record) for record in RECORDS}))


def changed(before: Mapping[str, Sequence[Release]] | None = None) -> tuple[str, ...]:
    """Released files that are not as they were released."""
    files = found()
    before = listed() if before is None else before
    return tuple(
        f"{record}/v{release.version}.avsc was changed after its release; put it back and add a new version"
        for record, releases in before.items()
        for release in releases
        if release not in files.get(record, ())
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Add every version that is not listed yet. Raises ContractError where one may not be released."""
    parser = argparse.ArgumentParser(prog="python -m headwater.schemas.release", description=__doc__)
    parser.add_argument("--again", nargs="+", choices=RECORDS, default=(), metavar="RECORD")
    again = set(parser.parse_args(arguments).again)
    before = {record: releases[:-1] if record in again else releases for record, releases in listed().items()}
    if wrong := (*changed(before), *problems()):
        raise ContractError("\n".join(wrong))
    files = found()
    records.LIST.write_text(
        json.dumps({record: [one._asdict() for one in versions] for record, versions in files.items()}, indent=1)
        + "\n",
        "utf-8",
    )
    for record, versions in files.items():
        for one in versions[len(before.get(record, ())) :]:
            sys.stdout.write(f"released {record} version {one.version}, fingerprint {one.fingerprint}\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ContractError as error:
        sys.exit(str(error))
