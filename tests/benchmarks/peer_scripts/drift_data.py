"""The batches that every detector judges, by seed: imported by our benchmark and by the peers' scripts; numpy alone.

Twelve columns: three normal, three lognormal, three Poisson, three of ten equal categories (as codes 0 to 9).
"""

import numpy as np

ROWS_BEFORE = 28_000
SIZES = (200, 1_000, 5_000, 20_000)
COLUMNS = tuple(f"{kind}_{n}" for kind in ("normal", "skewed", "count", "category") for n in range(3))
#: Power: name -> rows and the drifted column. The drift itself is in `batch`.
POWER = {
    "mean 0.5 sd": (200, "normal_0"),
    "mean 0.25 sd": (1_000, "normal_0"),
    "scale +20 %": (5_000, "normal_0"),
    "category 5 pp": (1_000, "category_0"),
}


def draw(random, name, rows):
    kind = name.partition("_")[0]
    if kind == "normal":
        return random.normal(0, 1, rows)
    if kind == "skewed":
        return random.lognormal(0, 1, rows)
    if kind == "count":
        return random.poisson(6, rows).astype(float)
    return random.integers(0, 10, rows)


def reference():
    """28 parts of 1,000 rows: what came before."""
    random = np.random.default_rng(20240101)
    return [{name: draw(random, name, 1_000) for name in COLUMNS} for _ in range(28)]


def joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}


def batch(rows, number, drift=None):
    """The batch of that number; with `drift` (a key of POWER) one column has it."""
    random = np.random.default_rng([rows, number])
    found = {name: draw(random, name, rows) for name in COLUMNS}
    if drift == "mean 0.5 sd":
        found["normal_0"] = found["normal_0"] + 0.5
    elif drift == "mean 0.25 sd":
        found["normal_0"] = found["normal_0"] + 0.25
    elif drift == "scale +20 %":
        found["normal_0"] = found["normal_0"] * 1.2
    elif drift == "category 5 pp":
        moved = (found["category_0"] == 0) & (random.random(rows) < 0.5)
        found["category_0"] = np.where(moved, 1, found["category_0"])
    return found


def count(judge, batches):
    """What a detector does with all of it. `judge(batch) -> columns that it flags`; {case: [hits, batches]}."""
    found = {}
    for rows in SIZES:
        most = batches if rows < 20_000 else max(1, batches // 4)
        hits = sum(bool(judge(batch(rows, number))) for number in range(most))
        found[f"A1 n={rows}"] = [hits, most]
    for name, (rows, column) in POWER.items():
        hits = sum(column in judge(batch(rows, 100_000 + number, name)) for number in range(batches))
        found[f"A2 {name}"] = [hits, batches]
    return found


def spans(days, gap):
    """How many incidents a list of alarmed day numbers is: days at most `gap` apart are one."""
    found, last = 0, None
    for day in sorted(set(days)):
        if last is None or day - last > gap:
            found += 1
        last = day
    return found


def replay(parts, judge, faults, first, every, stride=1, window=28):
    """A real stream, each `stride`-th part held against the `window` before: alarmed parts, and faults found.

    `parts`: tables as dicts of arrays; `judge(before, now) -> flagged columns`; `faults`: name -> (column, change).
    A fault lasts two parts and is found where its column is flagged in one of them.
    """
    alarmed, caught = [], {name: [0, 0] for name in faults}
    for index in range(first, len(parts)):
        before = parts[max(0, index - window) : index]
        if (index - first) % stride == 0 and judge(before, parts[index]):
            alarmed.append(index)
        if index % every == 0 and index + 1 < len(parts):
            for name, (column, change) in faults.items():
                seen = False
                for later in (0, 1):
                    broken = change(parts[index + later])
                    seen = seen or column in judge(before, broken)
                caught[name][0] += seen
                caught[name][1] += 1
    return {"alarmed": alarmed, "caught": caught, "judged": len(range(first, len(parts), stride)), "stride": stride}
