"""What a profile costs Evidently: its data summary. Arguments: rows, turns."""

import json
import sys

from profile_data import frame, one_core, table, timed

one_core()

from evidently import DataDefinition, Dataset, Report  # noqa: E402 — after it is bound to one core
from evidently.presets import DataSummaryPreset  # noqa: E402 — as the line before

rows, turns = int(sys.argv[1]), int(sys.argv[2])
data = frame(table(rows))
# The two columns of many values are texts to it, of which it tells nothing: as categories they take it minutes.
texts, categories = ["place", "key"], ["category", "segment"]
definition = DataDefinition(
    numerical_columns=[name for name in data.columns if name not in {*texts, *categories}],
    categorical_columns=categories,
    text_columns=texts,
)


def work():
    report = Report([DataSummaryPreset()]).run(Dataset.from_pandas(data, data_definition=definition), None)
    return report.json()


took, said = timed(work, turns)
assert "skewed" in said
print(json.dumps({"took": took, "bytes": len(said)}))
