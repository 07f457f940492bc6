"""The answers on paper: plain text, 110 columns, no colour that a pipe would have to lose."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from headwater.audit.render import printable, table
from headwater.demo.answers.document import Document, Other
from headwater.demo.answers.questions import Asked
from headwater.demo.answers.told import Told
from headwater.demo.answers.tree import Branch, Made

WIDTH = 110
#: Rows shown of an answer; --json has all.
ROWS = 8
#: Parameters and metrics shown of a run.
FACTS = 6


def show(document: Document, home: Path) -> str:
    """Everything that the demo says at its end."""
    parts = [_counted(document), *_prediction(document), "", *_incident(document.incident), ""]
    parts += [*_others(document.others), "", *_questions(document.questions), "", *_next(document, home)]
    return "\n".join(parts)


def _counted(document: Document) -> str:
    counted = document.counted
    return (
        f"The history holds {counted.runs:,} runs, {counted.datasets:,} datasets in {counted.versions:,} versions, "
        f"{counted.edges:,} edges,\n{counted.profiles:,} profiles and {counted.predictions:,} predictions.\n"
    )


def _title(letter: str, text: str) -> list[str]:
    return [f"({letter}) {text}", "-" * min(WIDTH, len(text) + 4)]


def _prediction(document: Document) -> Iterator[str]:
    prediction = document.explanation.prediction
    yield from _title("a", f"What stands behind the prediction {prediction.key}")
    yield f"It said     {', '.join(f'{name} {value}' for name, value in prediction.outputs.items())}"
    yield f"It was told {_wrapped(', '.join(f'{n} {_plain(v)}' for n, v in prediction.features.items()), 12)}"
    yield f"Answered by {prediction.deployment} with {prediction.model}"
    step = document.explanation.steps.get(str(prediction.run_id))
    yield (
        f"In          {step.job_namespace}/{step.job_name}, run {step.run_id}"
        if step
        else f"In run      {prediction.run_id}"
    )
    yield ""
    yield f"{prediction.stream.name}@{prediction.stream.version}"
    yield from _branches(document.tree, "")
    walk = document.explanation.walk
    if walk.truncated:
        yield f"(cut: {walk.reason})"


def _branches(branches: Sequence[Branch], margin: str) -> Iterator[str]:
    for number, branch in enumerate(branches):
        last = number == len(branches) - 1
        below = margin + ("   " if last else "│  ")
        versions = (
            f"@{branch.first}"
            if branch.versions == 1
            else f": {branch.versions} versions, {branch.first} to {branch.last}"
        )
        again = "  (as above)" if branch.seen_above else ""
        yield f"{margin}{'└─ ' if last else '├─ '}{printable(branch.dataset)}{versions}  [{branch.kind}]{again}"
        if branch.made_by is not None and not branch.seen_above:
            stem = below + ("│  " if branch.made_of else "   ")
            yield from _folded(_made(branch.made_by), stem)
        yield from _branches(branch.made_of, below)


def _made(made: Made) -> Iterator[str]:
    run = f"run {made.run_id}" if made.runs == 1 else f"{made.runs} runs, the last {made.run_id}"
    dirty = " and changes that no commit has" if made.dirty else ""
    code = f"commit {made.commit[:12]}{dirty}" if made.commit else "no commit known"
    yield f"by {made.job}, {run}"
    yield f"   {made.entrypoint or 'code'}, {code}"
    if made.parameters:
        yield f"   parameters {_pairs(made.parameters.items())}"
    if made.metrics:
        yield f"   measured {_pairs((name, f'{value:.4g}') for name, value in made.metrics.items())}"


def _folded(lines: Iterable[str], margin: str) -> Iterator[str]:
    for line in lines:
        yield from textwrap.wrap(
            line, WIDTH, initial_indent=margin, subsequent_indent=margin + "      ", break_long_words=False
        )


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    every = [f"{name} {_plain(value)}" for name, value in pairs]
    more = f" and {len(every) - FACTS} more" if len(every) > FACTS else ""
    return ", ".join(every[:FACTS]) + more


def _plain(text: str) -> str:
    """A JSON value as people write it."""
    try:
        return printable(str(json.loads(text)))
    except ValueError:
        return printable(text)


def _incident(incident: Told | None) -> Iterator[str]:
    yield from _title("b", "What went wrong")
    if incident is None:
        yield "No incident reaches a prediction."
        return
    what = f"{incident.column} of {incident.dataset}" if incident.column else incident.dataset
    yield f"{incident.title}  ({incident.state}, severity {incident.severity:.2f})"
    yield f"What        {what}, {len(incident.days)} days in {incident.versions} versions"
    if (
        incident.check == "drift"
        and incident.factor is not None
        and incident.mean_before is not None
        and incident.mean_during is not None
    ):
        yield (
            f"How much    mean {incident.mean_before:,.1f} before, {incident.mean_during:,.1f} then: "
            f"× {incident.factor:.3f}; {_measures(incident)}"
        )
    else:
        yield f"How much    {_measures(incident)}"
    yield f"Since       {incident.days[0] if incident.days else 'not known'}{_until(incident)}"
    yield f"Introduced  {_wrapped('by ' + incident.introduced_by, 12)}"
    yield f"Reaches     {_wrapped(', '.join(incident.reached), 12)}"
    yield f"            {incident.predictions:,} predictions of {', '.join(incident.models) or 'no model'}"
    learnt = ", ".join(incident.learnt)
    yield (
        f"            {learnt} learnt from it and made {incident.learnt_predictions:,} predictions"
        if learnt
        else "            no model learnt from it"
    )
    if incident.error_before is not None and incident.error_during is not None:
        yield (
            f"Model error mean absolute error {incident.error_before:.1f} minutes on other days, "
            f"{incident.error_during:.1f} on these"
        )
    yield f"Detector    {_wrapped(incident.explanation, 12)}"


def _measures(incident: Told) -> str:
    shown = [
        f"{measure['name']} {measure['value']:.3g}"
        for measure in incident.measures
        if measure.get("passed") and measure["name"] not in {"rows", "p_value", "persistent"}
    ]
    return ", ".join(shown) or "no measure told"


def _until(incident: Told) -> str:
    if len(incident.days) < 2:
        return ""
    return f", until {incident.days[-1]}"


def _others(others: Sequence[Other]) -> Iterator[str]:
    yield f"What else the year raised: {len(others) or 'nothing'}"
    for other in others:
        one = other.incident
        days = (
            one.days[0]
            if len(one.days) == 1
            else f"{one.days[0]} … {one.days[-1]}, {len(one.days)} days"
            if one.days
            else "-"
        )
        reach = f"reaches {one.predictions:,} predictions" if one.predictions else "reaches no prediction"
        reach += f", {', '.join(one.learnt)} learnt from it" if one.learnt else ""
        line = f"{days}: {one.title}; {reach}"
        yield from textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="     ")
        facts = (
            "; ".join(fact.text for fact in other.facts)
            or "nothing out of the ordinary in the flights and weather we hold"
        )
        yield from textwrap.wrap(f"then: {facts}", WIDTH, initial_indent="     ", subsequent_indent="     ")


def _questions(questions: Sequence[Asked]) -> Iterator[str]:
    yield from _title("c", "Three audit questions")
    for number, asked in enumerate(questions, 1):
        yield f"{number}. {asked.question}"
        yield ""
        yield textwrap.indent(asked.sql, "   ")
        yield ""
        yield textwrap.indent(table(asked.columns, asked.rows[:ROWS]), "   ")
        if len(asked.rows) > ROWS:
            yield f"   … and {len(asked.rows) - ROWS} more rows (--json has all)"
        yield ""


def _next(document: Document, home: Path) -> Iterator[str]:
    yield from _title("d", "What to type next")
    for command, what in next_commands(document, home):
        yield f"  {command}"
        yield f"      {what}"


def next_commands(document: Document, home: Path) -> list[tuple[str, str]]:
    """Commands that work now, each with what it does."""
    prediction = document.explanation.prediction
    key = prediction.key
    source = f"{prediction.sources[0].namespace}/{prediction.sources[0].name}" if prediction.sources else ""
    at = f"--home {home}"
    return [
        (f"headwater sql {at}", "a SQL prompt on this history, e.g. SHOW TABLES or any statement above"),
        (f"headwater trace '{source}' {at}", "the lineage of a dataset, a version or a column, up or down"),
        (f"headwater alerts list {at}", "every incident, with what it rests on"),
        ("headwater audit --list", "the audit questions and their parameters"),
        (f"headwater up {at}", "the whole stack on this history: a broker for your own producers, SQL over HTTP"),
        (f"headwater demo --ask --prediction KEY {at}", f"what stands behind another prediction, e.g. {key}"),
        (f"headwater demo --bad-month none {at}", "the same year without kilometres; it replaces this one"),
    ]


def _wrapped(text: str, indent: int) -> str:
    return f"\n{' ' * indent}".join(textwrap.wrap(text, WIDTH - indent, break_long_words=False)) or text
