"""Versions whose content, by its fingerprint, another version has too: what of all versions can be the same output."""

from __future__ import annotations

from typing import Any, Final

from headwater.audit.clocks import Clocks
from headwater.audit.rows import select
from headwater.audit.store import Client
from headwater.audit.versions import NAMED, named

_PRINT: Final = "cityHash64(fingerprint_digest)"
_WHOLE: Final = "(fingerprint_algorithm, fingerprint_digest)"
#: Where an event often says again what another said of the same version: content that is not of one version alone.
_APART: Final = (
    f"{_PRINT} IN (SELECT {_PRINT} AS print FROM dataset_uses WHERE {{written}} GROUP BY print "
    "HAVING min(sipHash64(namespace, name, version)) != max(sipHash64(namespace, name, version)))"
)


def repeated(client: Client, most: int, clocks: Clocks) -> dict[str, Any] | None:
    """Parameters of the statements of `headwater.audit.narrow`: those versions, and the runs that wrote them and their
    jobs; None where there are more than `most` versions or runs.

    More than the question will see: of a version that several events name, any fingerprint counts here.
    """
    written = f"access = 'write' AND isNotNull(version) AND fingerprint_algorithm != '' AND {clocks.events()}"
    # Most content is there once, and to see that takes a sixth of telling apart the versions that have it.
    several = select(
        client,
        f"SELECT {_PRINT} AS print FROM dataset_uses WHERE {written} GROUP BY print HAVING count() > 1 "
        "LIMIT {most:UInt32}",
        {"most": most + 1, **clocks.values()},
    )
    versions: list[dict[str, Any]] = []
    if several:
        among = f"{_PRINT} IN {{prints:Array(UInt64)}}" if len(several) <= most else _APART.format(written=written)
        versions = select(
            client,
            "SELECT namespace, name, assumeNotNull(version) AS of_version, "
            "sipHash64(namespace, name, toUInt8(0), of_version) AS key "
            f"FROM dataset_uses WHERE {written} AND {among} AND {_WHOLE} IN ("
            f"SELECT {_WHOLE} FROM dataset_uses WHERE {written} AND {among} GROUP BY {_WHOLE} "
            "HAVING uniqExact(namespace, name, version) > 1) "
            "GROUP BY namespace, name, of_version LIMIT {most:UInt32}",
            {"most": most + 1, "prints": [row["print"] for row in several[:most]], **clocks.values()},
        )
    if len(versions) > most:
        return None
    keys = [row["key"] for row in versions]
    runs = select(
        client,
        "SELECT DISTINCT assumeNotNull(run_id) AS run_id, job_namespace, job_name FROM dataset_uses "
        f"WHERE {NAMED} AND access = 'write' "
        "AND isNotNull(run_id) AND version IN {versions:Array(String)} LIMIT {most:UInt32}",
        {
            **named({(row["namespace"], row["name"]) for row in versions}),
            "versions": sorted({row["of_version"] for row in versions}),
            "most": most + 1,
        },
    )
    if len(runs) > most:
        return None
    jobs = sorted({(row["job_namespace"], row["job_name"]) for row in runs})
    return {
        "near_keys": keys,
        "near_versions": sorted({row["of_version"] for row in versions}),
        **{f"near_{what}": some for what, some in named({(v["namespace"], v["name"]) for v in versions}).items()},
        "near_runs": sorted({row["run_id"] for row in runs}),
        "near_job_namespaces": [namespace for namespace, _ in jobs],
        "near_jobs": [name for _, name in jobs],
    }
