"""Questions to the history. Needs the extra [audit]; imports neither Faust nor Numba.

`client = connect(load())`, then `explain_prediction(client, key)`, `walk(client, Node(namespace, name), "down")`,
`picture(walk(…))`, `find(client, "flights")`, `resolve(client, "features@v2")`, `incidents(client)`,
`steps(client, run_ids)`, and `ask(client, "who_read", namespace=…, name=…)`, one of `QUESTIONS`.
"""

from headwater.audit.bars import bars
from headwater.audit.clocks import Clocks
from headwater.audit.connection import connect
from headwater.audit.critical import CriticalPath, Stage, critical_path
from headwater.audit.incidents import incidents
from headwater.audit.lookup import find, resolve
from headwater.audit.model import (
    Answer,
    Explanation,
    Incident,
    Node,
    Prediction,
    Reach,
    Step,
    Walk,
    WalkEdge,
    WalkNode,
)
from headwater.audit.picture import Picture, picture
from headwater.audit.predictions import explain_prediction
from headwater.audit.questions import Parameter, Question, ask, questions
from headwater.audit.steps import steps
from headwater.audit.walking import walk

#: Every question by name, with its documented SQL.
QUESTIONS = questions()

__all__ = [
    "QUESTIONS",
    "Answer",
    "Clocks",
    "CriticalPath",
    "Explanation",
    "Incident",
    "Node",
    "Parameter",
    "Picture",
    "Prediction",
    "Question",
    "Reach",
    "Stage",
    "Step",
    "Walk",
    "WalkEdge",
    "WalkNode",
    "ask",
    "bars",
    "connect",
    "critical_path",
    "explain_prediction",
    "find",
    "incidents",
    "picture",
    "resolve",
    "steps",
    "walk",
]
