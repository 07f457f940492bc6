"""One OpenLineage event as the contract's records."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from headwater.errors import InvalidMessage
from headwater.openlineage import identity, own, quality
from headwater.openlineage.facets import Facets, take_facets
from headwater.openlineage.fields import Fields, Misshapen, is_uuid, name_of, namespace_of, run_id_of, text_of
from headwater.openlineage.outputs import job_lineage
from headwater.schemas import reasons
from headwater.schemas.topics import dataset_key

STATES: Final = frozenset({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"})
#: What the facets maps keep of an object beside its facets stands under this name.
REST: Final = "openlineage"
#: This process, where the caller names no other sender.
_SENDER: Final = uuid.uuid4().bytes
_PERSONAL: Final = frozenset({"personal", "pii"})
#: Fields of the event in which facets of its run land.
_OF_EVENT: Final = frozenset({"environment", "parameters", "error"})
_NO_FORMS: Final[Mapping[str, bytes | Sequence[bytes]]] = {}


@dataclass(frozen=True, slots=True)
class Translated:
    """What an event says, as values of the contract's records; fields that have their default are left out."""

    run_event: dict[str, Any]
    profiles: tuple[dict[str, Any], ...]
    verdicts: tuple[dict[str, Any], ...]
    #: Of the run event: the run's id, else the name of the job or dataset.
    key: bytes


def translate(event: Mapping[str, Any], *, now_us: int, sender: bytes = _SENDER) -> Translated:
    """A RunEvent, JobEvent or DatasetEvent as parsed from JSON. The same event gives the same ids and contents.

    `now_us`: when it is handed over. `sender`: whose producer id the records have. Raises InvalidMessage
    (invalid_value) that names the place; what has no field of its own is kept in the facets maps, as JSON.
    """
    try:
        try:
            return Translation(dict(event), now_us, sender).translated()
        except UnicodeEncodeError:
            return Translation(identity.writable(dict(event)), now_us, sender).translated()
    except Misshapen as error:
        raise InvalidMessage(reasons.INVALID_VALUE, str(error)) from None
    except RecursionError:
        raise InvalidMessage(reasons.INVALID_VALUE, "the event is nested too deep") from None
    except (TypeError, ValueError) as error:
        raise InvalidMessage(reasons.INVALID_VALUE, f"the event is no JSON object: {error}") from None


class DescribedRun(NamedTuple):
    """What the object of a run says, whatever the event's state: most runs say the same at their start and end. `form`:
    as `identity.form` has it.
    """

    #: Fields of the run but its state, and of the event: environment, parameters, error.
    run: dict[str, Any]
    event: dict[str, dict[str, Any]]
    #: Facets that say something of others than the run.
    given: Mapping[str, Any]
    form: bytes


class Translation:
    """One event on its way."""

    def __init__(
        self,
        event: dict[str, Any],
        now_us: int,
        sender: bytes,
        forms: Mapping[str, bytes | Sequence[bytes]] = _NO_FORMS,
        described: DescribedRun | None = None,
    ) -> None:
        """`forms`: as `identity.event_id` has them. Raises as `translate`, but Misshapen."""
        self._head = {"emit_time": now_us, "producer_id": sender, "sequence": 0}
        self._fields = fields = Fields(event, "")
        self._described = described
        self._kind = _kind(event)
        time = fields.time("eventTime")
        if time is None:
            raise Misshapen("eventTime", "a time as ISO 8601 has it", None)
        self._value: dict[str, Any] = {"kind": self._kind, "environment": {}}
        known: dict[str, Any] = {"eventTime": time}
        run, job = self._run(), self._job()
        if run is not None:
            known["eventType"] = run["state"] if run["state"] != "OTHER" else event.get("eventType")
            known["run"] = (
                known_run(event["run"], run["run_id"]) if described is None else identity.told(described.form)
            )
        self.event_id = identity.event_id(event, known, forms)
        self._value |= {"event_id": self.event_id, "event_time": time, "run": run, "job": job}
        self._about: dict[str, Any] = {
            **self._head,
            "event_time": time,
            "run_id": run["run_id"] if run else None,
            "job_namespace": job["namespace"] if job else "",
            "job_name": job["name"] if job else "",
        }
        self._profiles: list[dict[str, Any]] = []
        self._verdicts: list[dict[str, Any]] = []

    def translated(self) -> Translated:
        fields, value = self._fields, self._value
        run, job = value["run"], value["job"]
        inputs = [self._dataset(one, "input") for one in fields.objects("inputs")]
        outputs = [self._dataset(one, "output") for one in fields.objects("outputs")]
        if self._kind == "dataset" and (described := fields.inner("dataset")) is not None:
            outputs.append(self._dataset(described, "dataset"))
        severities: Mapping[str, str] = {} if run is None else self._run_facets(run)
        if job is not None:
            job_lineage(self._job_facets(job), inputs, outputs)
        value |= {"inputs": inputs, "outputs": outputs}
        for dataset in (*inputs, *outputs):
            quality.rate(dataset, severities)
            self._verdicts += quality.verdicts_of(self._versioned(dataset), self._about, self.event_id)
        value["environment"][REST] = text_of(fields.left)
        if run is not None:
            key = cast("bytes", run["run_id"])
        else:
            named = outputs[0] if job is None else job
            key = dataset_key(named["namespace"], named["name"])
        return Translated({**self._head, **value}, tuple(self._profiles), tuple(self._verdicts), key)

    def _run(self) -> dict[str, Any] | None:
        if self._kind != "run":
            return None
        run = self._fields.inner("run")
        if run is None:
            raise Misshapen("run", "an object", None)
        if self._described is None:
            self._run_fields = run
            run_id = taken_run_id(run)
        else:
            run_id = self._described.run["run_id"]
        state = self._fields.text("eventType")
        known = (state or "OTHER").strip().upper()
        if known not in STATES:
            self._fields.left["eventType"] = state
            known = "OTHER"
        return {"run_id": run_id, "state": known}

    def _run_facets(self, run: dict[str, Any]) -> Mapping[str, str]:
        """Take them in; what they say of the severity of assertions."""
        found = described_run(self._run_fields, run["run_id"], b"") if self._described is None else self._described
        for name, into in found.event.items():
            self._value[name] = {**self._value.get(name, {}), **into}
        run |= found.run
        if (tests := found.given.get("test")) is not None:
            self._verdicts += _tests(tests, self._about, self.event_id)
        return quality.severities(found.given.get("dagster_asset_check"))

    def _job(self) -> dict[str, Any] | None:
        if self._kind == "dataset":
            return None
        job = self._fields.inner("job")
        if job is None:
            raise Misshapen("job", "an object", None)
        self._job_fields = job
        return {"namespace": namespace_of(job.name("namespace")), "name": name_of(job.name("name"))}

    def _job_facets(self, job: dict[str, Any]) -> Fields | None:
        taken = described_job(job, self._job_fields)
        lineage = taken.given.get("lineage")
        return None if lineage is None else Fields(lineage, "job.facets.lineage")

    def _dataset(self, fields: Fields, role: str) -> dict[str, Any]:
        dataset, taken = described_dataset(fields, role)
        for name, metrics in taken.metrics():
            personal = _personal(dataset)
            if not self._profile(dataset, metrics, name, role, personal):
                taken.kept[name] = text_of(quality.without_values(metrics, personal))
        dataset["facets"] = with_rest(taken.kept, fields)
        return dataset

    def _profile(self, dataset: dict[str, Any], metrics: Any, name: str, role: str, personal: frozenset[str]) -> bool:
        declared = {one["name"]: one["type"] for one in dataset.get("columns", ())}
        try:
            found = quality.profile(Fields(metrics, name), personal, declared)
        except Misshapen:
            return False
        if found is None:
            return False
        place = f"{role}\n{name}\n{len(self._profiles)}"
        of = self._versioned(dataset) if role == "output" else dataset
        said = {key: of[key] for key in ("version", "version_origin", "kind", "partitions") if of.get(key) is not None}
        names = {"namespace": dataset["namespace"], "name": dataset["name"]}
        event_id = identity.digest("profile", self.event_id, place, *names.values())
        role = "input" if role == "input" else "output"
        self._profiles.append({**self._about, **names, **said, **found, "event_id": event_id, "role": role})
        return True

    def _versioned(self, dataset: dict[str, Any]) -> dict[str, Any]:
        """With the version that stitching gives to what a run writes without one."""
        run = self._value["run"]
        if run is None or dataset.get("version") is not None or dataset not in self._value.get("outputs", [dataset]):
            return dataset
        return {**dataset, "version": f"run:{uuid.UUID(bytes=run['run_id'])}", "version_origin": "run"}


def known_run(run: Mapping[str, Any], run_id: bytes) -> dict[str, Any]:
    """A run as an event's id tells it: however its own id is written."""
    return {**run, "runId": run_id.hex()}


def taken_run_id(run: Fields) -> bytes:
    """Take a run's id; where it is no UUID its text is kept. Raises Misshapen."""
    given = run.name("runId")
    if not is_uuid(given):
        run.left["runId"] = given
    return run_id_of(given)


def described_run(fields: Fields, run_id: bytes, form: bytes) -> DescribedRun:
    """Of an object whose id is taken. Raises Misshapen."""
    taken = take_facets(fields, "facets", ("run",))
    of_event: dict[str, dict[str, Any]] = {name: taken.landed.pop(name) for name in _OF_EVENT & taken.landed.keys()}
    run = {"run_id": run_id, **taken.landed, "facets": with_rest(taken.kept, fields)}
    return DescribedRun(run, of_event, taken.given, form)


def described_job(job: dict[str, Any], fields: Fields) -> Facets:
    """Add what the job's facets say. Raises Misshapen."""
    taken = take_facets(fields, "facets", ("job",))
    job |= taken.landed
    job["facets"] = with_rest(taken.kept, fields)
    return taken


def described_dataset(fields: Fields, role: str) -> tuple[dict[str, Any], Facets]:
    """A dataset but for its facets that have no field, and these. `role`: input, output or dataset.

    Raises Misshapen.
    """
    dataset: dict[str, Any] = {
        "namespace": namespace_of(fields.name("namespace")),
        "name": name_of(fields.name("name")),
    }
    taken = take_facets(fields, "facets", ("dataset",), written=role != "input")
    for name in ("inputFacets", "outputFacets"):
        taken.add(take_facets(fields, name, ("input" if name == "inputFacets" else "output", "dataset")), name)
    landed = taken.landed_of_dataset()
    ours = landed.pop(own.NAME, {})
    dataset |= landed
    dataset |= {name: copy(of) for name, of in ours.items()}
    return dataset, taken


def _personal(dataset: Mapping[str, Any]) -> frozenset[str]:
    """Columns whose values nobody may see."""
    tagged = [(one["name"], one["tags"]) for one in dataset.get("columns", ())]
    return frozenset(name for name, tags in tagged if any(tag["key"].lower() in _PERSONAL for tag in tags))


def _kind(event: Mapping[str, Any]) -> str:
    """run, job or dataset. What says that it is of a run and names none is no job event: its edges would stand."""
    url = event.get("schemaURL")
    said = url.rpartition("/")[2] if isinstance(url, str) else ""
    if event.get("run") is not None or event.get("eventType") is not None or said == "RunEvent":
        return "run"
    if event.get("dataset") is not None and event.get("job") is None:
        return "dataset"
    if event.get("job") is not None:
        return "job"
    raise Misshapen("run, job or dataset", "an object", None)


def with_rest(kept: dict[str, str], fields: Fields) -> dict[str, str]:
    return {**kept, REST: text_of(fields.left)} if fields.left else kept


def _tests(facet: Any, about: Mapping[str, Any], event_id: bytes) -> Iterator[dict[str, Any]]:
    try:
        yield from quality.verdicts_of_tests(Fields(facet, "run.facets.test").objects("tests"), about, event_id)
    except Misshapen:
        return  # kept whole as it came


__all__ = ["STATES", "Facets", "Translated", "translate"]
