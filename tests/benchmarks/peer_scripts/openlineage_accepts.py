"""Events of a file, made anew by openlineage-python's classes and serialized by it: are they what was written?

Argument: a file of JSON lines. Prints how many events and facets there were; fails at the first that is refused.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from pathlib import Path

from openlineage.client import event_v2, generated
from openlineage.client.serde import Serde


def facet_classes():
    """The facet classes by facet name and kind of what they are of."""
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for name, one in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).items():
            if inspect.isclass(one) and one.__module__.endswith(f".{module.name}") and name.endswith("Facet"):
                short = re.sub(r"(Input|Output)?(Dataset|Run|Job)Facet$", "", name)
                found[short.lower().replace("_", "")] = [*found.get(short.lower(), []), one]
    return found


CLASSES = facet_classes()
COUNTS = {"events": 0, "facets": 0}


def facets(given):
    made = {}
    for name, facet in (given or {}).items():
        known = CLASSES.get(name.lower().replace("_", ""))
        if known and isinstance(facet, dict):
            fields = {key: value for key, value in facet.items() if key not in {"_producer", "_schemaURL"}}
            for one in known:
                try:
                    one(**fields)
                    break
                except TypeError as error:
                    said = error
            else:
                raise SystemExit(f"{name}: {said}: {facet}")
            COUNTS["facets"] += 1
        made[name] = facet
    return made


def named(of, cls, **parts):
    return cls(namespace=of["namespace"], name=of["name"], facets=facets(of.get("facets")), **parts)


def event(given):
    common = {"eventTime": given["eventTime"], "producer": given["producer"]}
    if "dataset" in given:
        return event_v2.DatasetEvent(dataset=named(given["dataset"], event_v2.StaticDataset), **common)
    common |= {
        "job": named(given["job"], event_v2.Job),
        "inputs": [
            named(one, event_v2.InputDataset, inputFacets=facets(one.get("inputFacets"))) for one in given["inputs"]
        ],
        "outputs": [
            named(one, event_v2.OutputDataset, outputFacets=facets(one.get("outputFacets"))) for one in given["outputs"]
        ],
    }
    if "run" not in given:
        return event_v2.JobEvent(**common)
    run = event_v2.Run(given["run"]["runId"], facets=facets(given["run"].get("facets")))
    return event_v2.RunEvent(eventType=event_v2.RunState(given["eventType"]), run=run, **common)


if __name__ == "__main__":
    for line in Path(sys.argv[1]).read_text("utf-8").splitlines():
        given = json.loads(line)
        made = json.loads(Serde.to_json(event(given)))
        for name in given.keys() - {"schemaURL", "job", "run", "dataset", "inputs", "outputs"}:
            if made.get(name, given[name]) != given[name]:
                raise SystemExit(f"{name}: {made[name]}, {given[name]} was written")
        COUNTS["events"] += 1
    print(json.dumps(COUNTS))
