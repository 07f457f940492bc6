"""Runs a notebook's cells in order, as Jupyter would, without a Jupyter server.

`python -m tests.notebooks consumers/audit.ipynb` writes what they show into the file.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def code_cells(path: Path) -> list[str]:
    """The source of each code cell."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run_cells(path: Path) -> list[list[dict[str, Any]]]:
    """Run all code cells in one namespace; what each printed and what its last expression is, as notebooks keep it."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    return [_outputs(source, namespace, f"{path.name}[{number}]") for number, source in enumerate(code_cells(path), 1)]


def _outputs(source: str, namespace: dict[str, Any], name: str) -> list[dict[str, Any]]:
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value: Any = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, name, "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue()})
    if value is not None:
        html = getattr(value, "_repr_html_", None)
        svg = getattr(value, "_repr_svg_", None)
        data: dict[str, str] = {"text/plain": repr(value)[:200]}
        data |= {"text/html": html()} if html else {}
        data |= {"image/svg+xml": svg()} if svg else {}
        outputs.append({"output_type": "display_data", "metadata": {}, "data": data})
    return outputs


def main(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    shown = iter(run_cells(path))
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell["outputs"], cell["execution_count"] = next(shown), number
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
