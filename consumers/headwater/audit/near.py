"""What `-- near VIEW: what` may say of a question: which rows of a view belong to what it walks to."""

from __future__ import annotations

from typing import Final

_JOBS: Final = "(job_namespace, job_name) IN arrayZip({near_job_namespaces:Array(String)}, {near_jobs:Array(String)})"
_NAMES: Final = "arrayZip({near_namespaces:Array(String)}, {near_names:Array(String)})"

#: The condition that rows of the view meet where they belong to the walk's nodes. Beside these, what look-ups tell:
#: of `dataset_versions` those that are nodes, `newest` beside them the one of each dataset that was written last
#: of all others, or those that are `repeated`; of `runs` also those `before`: of each that wrote, the one of its job
#: that ended before it.
#: `all` and `doubles`: every row, with `doubles` those that were told twice also twice, where that changes no answer.
NEAR: Final = {
    "all": "true",
    "doubles": "true",
    "datasets": f"(namespace, name) IN {_NAMES}",
    "versions": f"(namespace, name) IN {_NAMES} AND version IN {{near_versions:Array(String)}}",
    "writes": f"(namespace, name) IN {_NAMES} AND access = 'write'",
    "runs": f"{_JOBS} AND run_id IN {{near_runs:Array(UUID)}}",
    "before": _JOBS,
    "predictions": f"(model_namespace, model_name) IN {_NAMES} OR (stream_namespace, stream_name) IN {_NAMES}",
}
