"""A made history of any size, made by the engine itself: from numbers to the landing tables, as the archive inserts.

A block of 50 runs is one night of one of 400 pipelines, the popular ones far more often than the others. The first ten steps
of a night read deliveries and a reference table that many share; each later one reads two or three outputs of the
same night, a tenth of them without naming a version. Ids, versions and digests are hashes of the numbers and a seed, so
they compress as random ones do, and two runs of the benchmark ask the same. A tenth of the events are predictions.
"""

# ruff: noqa: E501 — expressions of SQL, which read worse broken

from __future__ import annotations

from typing import Any

from headwater.audit.rows import select
from headwater.audit.store import Client

NS = "lake://bench"
STEPS, PIPELINES = 50, 400
#: µs since 1970 of the first run, and how long the history lasts whatever its size.
START, SPAN = 1_767_225_600_000_000, 300 * 86_400_000_000
#: Runs or predictions in one insert.
CHUNK = 100_000


def runs_of(events: int) -> int:
    """Runs (two events each) of a history of so many events."""
    return events * 9 // 20 // STEPS * STEPS


def id_of(what: str, number: str) -> str:
    """16 random bytes, the same for the same number."""
    return f"sipHash128('{what}', 20261128, {number})"


def _event_id(what: str, number: str, time: str) -> str:
    """As UUIDv7: time first, then random bytes."""
    return f"toFixedString(concat(substring(reverse(reinterpretAsString(toUInt64(intDiv({time}, 1000)))), 1, 6), substring({id_of(what, number)}, 1, 10)), 16)"


def _time(number: str, runs: int) -> str:
    return f"({START} + toInt64({number} * {SPAN / max(runs, 1):.6f}))"


#: Facts of a run by its number `r`. Earlier runs of the night are named by their numbers.
_PIPELINE = f"toUInt32(floor({PIPELINES} * pow((sipHash64('pipeline', intDiv(R, {STEPS})) % 1000003) / 1000003, 3)))"


def pipeline(number: str) -> str:
    """The pipeline of a run: the cube of an even draw, so a tenth of them run half of the nights."""
    return _PIPELINE.replace("R", f"({number})")


def output(number: str) -> str:
    """Name of what a run writes."""
    return f"concat('pipeline', toString({pipeline(number)}), '/table', toString(({number}) % {STEPS}))"


def version(number: str) -> str:
    """Version of what a run writes."""
    return f"lower(hex(substring({id_of('version', number)}, 1, 8)))"


def kind(number: str) -> str:
    """What a run writes is."""
    return f"transform(({number}) % {STEPS}, [44, 47, 49], ['model', 'deployment', 'prediction_stream'], 'table')"


#: The inputs as tuples (namespace, name, version or null, kind).
_FIRST = (
    f"[('{NS}', concat('delivery', toString({pipeline('r')}), '_', toString(r % 10)), "
    f"toNullable({version('r + 1000000000')}), 'file'), "
    "('"
    + NS
    + "', concat('reference', toString(toUInt32(floor(200 * pow((sipHash64('ref', r) % 10007) / 10007, 3))))), "
    f"toNullable(toString(intDiv(r, {STEPS * 20}))), 'table')]"
)
_LATER = (
    f"arrayMap(s -> ('{NS}', {output('s')}, if(sipHash64('open', r, s) % 10 = 0, NULL, toNullable({version('s')})), {kind('s')}), "
    f"arrayDistinct(arrayMap(k -> r - 1 - sipHash64('in', r, k) % (r % {STEPS}), range(if(r % 4 = 0, 3, 2)))))"
)
_INPUTS = f"if(r % {STEPS} < 10, {_FIRST}, {_LATER})"
_OUTPUT = f"('{NS}', {output('r')}, toNullable({version('r')}), {kind('r')})"
_JOB = f"concat('pipeline', toString({pipeline('r')}), '.step', toString(r % {STEPS}))"
_COLUMNS = (
    "arrayMap(c -> (concat('column', toString(c)), 'double', NULL, NULL, "
    f"if(c = 1 AND r % {STEPS} < 12, [('pii', 'yes', NULL)], [])), range(8))"
)


class Maker:
    """Fills the landing tables of a client's database."""

    def __init__(self, client: Client, events: int) -> None:
        self.client = client
        self.events = events
        self.runs = runs_of(events)
        self.predictions = events // 10
        self._types: dict[str, dict[str, str]] = {}

    def fill(self) -> None:
        """Everything."""
        for first in range(0, self.runs, CHUNK):
            last = min(first + CHUNK, self.runs)
            for state in ("START", "COMPLETE"):
                self._insert("run_event_landing", self._events(state), first, last)
            self._insert("edge_set_landing", self._edges(), first, last)
        for first in range(0, self.predictions, CHUNK):
            self._insert("prediction_landing", self._predictions(), first, min(first + CHUNK, self.predictions))

    def types(self, table: str) -> dict[str, str]:
        if table not in self._types:
            rows = select(
                self.client,
                "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
                "ORDER BY position",
                {"table": table},
            )
            self._types[table] = {row["name"]: row["type"] for row in rows}
        return self._types[table]

    def insert(self, table: str, values: dict[str, str], source: str) -> None:
        """One INSERT SELECT; columns that are not given have their type's default."""
        types = self.types(table)
        fields = ", ".join(f"CAST({value} AS {types[name]}) AS `{name}`" for name, value in values.items())
        names = ", ".join(f"`{name}`" for name in values)
        # Names of columns never shadow what an expression is made of.
        statement = (
            f"INSERT INTO {table} ({names}) SELECT {fields} FROM {source} SETTINGS prefer_column_name_to_alias = 1"
        )
        self.client.command(statement)

    def _insert(self, table: str, values: dict[str, str], first: int, last: int) -> None:
        source = (
            f"(SELECT toInt64(number) AS r, {_INPUTS} AS ins, {_OUTPUT} AS made FROM numbers({first}, {last - first}))"
        )
        self.insert(table, values, source)

    def head(self, what: str, time: str, body: str, key: str) -> dict[str, str]:
        return {
            "_partition": "r % 12", "_offset": "r", "_check": "r", "_generation": "''",
            "_arrival": f"{time} + 2000000 + sipHash64(r) % 500000", "_key": key,
            "_content_digest": id_of("content " + what, "r"),
            "_fingerprint": "toFixedString('contract', 8)", "_body": body,
            "emit_time": f"{time} + 1000 + sipHash64('emit', r) % 5000", "producer_id": id_of("producer", f"{pipeline('r')}"), "sequence": "r + 1",
            "event_id": _event_id(what, "r", time), "event_time": time,
        }  # fmt: skip

    def _events(self, state: str) -> dict[str, str]:
        start = state == "START"
        time = (
            _time("r", self.runs)
            if start
            else f"({_time('r', self.runs)} + 60000000 + sipHash64('took', r) % 600000000)"
        )
        run = id_of("run", "r")
        said = "ins" if start else "[made]"
        body = (
            f"concat(reinterpretAsString({time}), {id_of('producer', pipeline('r'))}, {_event_id(state, 'r', time)}, {run}, "
            f"'{state}', '{NS}', {_JOB}, repeat('\\0', 40), "
            f"arrayStringConcat(arrayMap(d -> concat(d.1, d.2, ifNull(d.3, ''), d.4, repeat('\\0', 12)), {said})), "
            + ("'3.11.7 polars 1.35.2'" if start else f"substring({id_of('content', 'r')}, 1, 16), 'column0double'") + ")"
        )  # fmt: skip
        none = "CAST([], 'Array(Tuple(String, Nullable(String)))')"
        whole = self.types("run_event_landing")["inputs"]
        dataset = (
            "(d.1, d.2, d.3, 'declared', d.4, "
            + ("NULL" if start else "toNullable(toInt64(sipHash64('rows', r) % 1000000))")
            + ", NULL, [], [], ('', NULL, 0, 0, ''), [], ('', NULL, NULL), "
            + ("[]" if start else _COLUMNS) + ", " + ("['column0', 'column1']" if start else "[]")
            + ", " + ("[]" if start else f"if(r % {STEPS} = 49, [(concat('team', toString({pipeline('r')} % 20)), NULL)], [])")
            + ", [], NULL, NULL, NULL, NULL, NULL, "
            + ("('', '')" if start else f"('sum-1', substring({id_of('content', 'r')}, 1, 16))") + ", [], [], false, [], map())"
        )  # fmt: skip
        return {
            **self.head(state, time, body, f"toString({run})"),
            "part": "1", "parts": "1", "kind": "'run'", "actor": "'scheduler'", "purpose": "'nightly'",
            "run": f"({run}, '{state}', (toFixedString('', 16), '', ''), (toFixedString('', 16), '', ''), NULL, NULL, NULL, NULL, [], map())",
            "job": f"('jobs', {_JOB}, 'TASK', 'BATCH', 'HEADWATER', NULL, "
            + (f"[(concat('team', toString({pipeline('r')} % 20)), NULL)]" if start else none)
            + ", [], ('git@example.org:pipelines', toNullable(lower(hex(sipHash64('commit', "
            + f"{pipeline('r')}, intDiv(r, 1000000))))), 'main', false, NULL, NULL, 'python', NULL), map())",
            "inputs" if start else "outputs": f"CAST(arrayMap(d -> {dataset}, {said}), '{whole.replace(chr(39), chr(92) + chr(39))}')",
            "parameters": "map('day', toString(intDiv(r, 50)), 'limit', '1000')" if start else "map()",
            "environment": "map('python', '\"3.11.7\"', 'polars', '\"1.35.2\"', 'host', '\"etl-1\"')" if start else "map()",
            "metrics": "[]" if start else f"if(r % {STEPS} = 44, [('rmse', sipHash64('rmse', r) % 1000 / 1000, NULL, NULL, ('', '', NULL))], [])",
        }  # fmt: skip

    def _edges(self) -> dict[str, str]:
        started = _time("r", self.runs)
        ended = f"({started} + 60000000 + sipHash64('took', r) % 600000000)"
        run = id_of("run", "r")
        nodes = "arrayMap(d -> (d.1, d.2, d.3, 'declared', d.4), arrayPushBack(ins, made))"
        body = f"concat(reinterpretAsString({ended}), {run}, {_event_id('edges', 'r', ended)}, {_JOB}, arrayStringConcat(arrayMap(d -> concat(d.1, d.2, ifNull(d.3, ''), d.4), arrayPushBack(ins, made))))"
        return {
            **self.head("edges", ended, body, f"toString({run})"),
            "run_id": run, "job_namespace": "'jobs'", "job_name": _JOB, "state": "'COMPLETE'",
            "events": f"[({_event_id('COMPLETE', 'r', ended)}, {ended})]", "datasets": nodes,
            "products": "[(arrayMap(i -> toInt32(i), range(length(ins))), [toInt32(length(ins))], 0, -1)]",
            "column_edges": "if(r % 2 = 1, [(0, toInt32(length(ins)), 0, -1, 'column1', 'column1', 'DIRECT', "
            "'TRANSFORMATION', NULL, false, NULL, 'parsed')], [])",
        }  # fmt: skip

    def _predictions(self) -> dict[str, str]:
        scale = max(self.runs // STEPS, 1)
        run = f"(sipHash64('of', r) % {scale} * {STEPS} + 49)"
        time = f"({_time(run, self.runs)} + 900000000)"
        return {
            **self.head("prediction", time, f"concat({id_of('prediction', 'r')}, {id_of('key', 'r')}, repeat('feature0', 8), toString(r))", "NULL"),
            "key": f"lower(hex({id_of('key', 'r')}))", "key_form": "'digest'",
            "deployment": f"('{NS}', {output(f'{run} - 2')}, {version(f'{run} - 2')})",
            "stream": f"('{NS}', {output(run)}, {version(run)})", "model": f"('{NS}', {output(f'{run} - 5')}, {version(f'{run} - 5')})",
            "run_id": id_of("run", run), "subject": f"lower(hex({id_of('subject', 'r % 100000')}))",
            "features_digest": f"substring({id_of('features', 'r')}, 1, 16)",
            "features": "arrayMap(c -> (concat('column', toString(c)), toNullable(toString(sipHash64(r, c) % 1000 / 10)), NULL), range(8))",
            "outputs": "[('y', toNullable(toString(sipHash64('y', r) % 1000 / 10)), NULL)]",
        }  # fmt: skip


def shapes(maker: Maker) -> None:
    """A hub with 400 consumers, a chain of 20, a DAG of 15,000 nodes, ladders of columns, a cycle: edge sets of their own."""
    _shape(maker, "hub", 400, "[0]", "toUInt64(r + 1)")
    _shape(maker, "chain", 20, "[r]", "toUInt64(r + 1)")
    # 150 layers of 100; each node reads the one above it and two others of the layer before.
    _shape(
        maker,
        "dag",
        14_900,
        "arrayDistinct(arrayMap(k -> intDiv(r, 100) * 100 + if(k = 0, r % 100, sipHash64('dag', r, k) % 100), range(3)))",
        "toUInt64(r + 100)",
    )
    _shape(maker, "cycle", 3, "[r]", "toUInt64((r + 1) % 3)")
    for layers in (18, 1000):
        # Each of a layer's two datasets reads both of the layer before.
        _shape(
            maker,
            f"ladder{layers}_",
            2 * layers,
            "if(r < 2, [0], [intDiv(r, 2) * 2 - 1, intDiv(r, 2) * 2])",
            "toUInt64(r + 1)",
            columns=True,
        )


def _shape(maker: Maker, name: str, runs: int, sources: str, target: str, *, columns: bool = False) -> None:
    time = f"({START} + r)"
    values: dict[str, Any] = maker.head(name, time, "'shape'", "NULL")
    values |= {
        "run_id": id_of(name, "r"), "job_namespace": "'jobs'", "job_name": f"'{name}'", "state": "'COMPLETE'",
        "events": f"[({_event_id(name, 'r', time)}, {time})]",
        "datasets": f"arrayMap(n -> ('{NS}', concat('{name}', toString(n)), toNullable('1'), 'declared', 'table'), arrayPushBack(arrayMap(x -> toUInt64(x), ins), made))",
        "products": "[(arrayMap(i -> toInt32(i), range(length(ins))), [toInt32(length(ins))], 0, -1)]",
    }  # fmt: skip
    if columns:
        values["column_edges"] = (
            "arrayMap(i -> (toInt32(i), toInt32(length(ins)), 0, -1, 'c', 'c', 'DIRECT', 'IDENTITY', NULL, false, NULL, 'parsed'), range(length(ins)))"
        )
    maker.insert(
        "edge_set_landing",
        values,
        f"(SELECT toInt64(number) AS r, {sources} AS ins, {target} AS made FROM numbers({runs}))",
    )
