"""What a profile costs whylogs. Arguments: rows, turns."""

import json
import sys

from profile_data import frame, one_core, table, timed

one_core()

import whylogs  # noqa: E402 — after it is bound to one core

rows, turns = int(sys.argv[1]), int(sys.argv[2])
data = frame(table(rows))
took, view = timed(lambda: whylogs.log(pandas=data).view(), turns)
assert view.to_pandas().loc["skewed", "counts/n"] == rows
print(json.dumps({"took": took, "bytes": len(view.serialize())}))
