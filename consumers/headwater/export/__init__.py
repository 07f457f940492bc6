"""Exports: everything about a node, a run or a time range as files, for whoever has no ClickHouse.

`export(client, Wanted(node="models/air_time@v2"), Path("folder"))` writes Parquet, JSON and a manifest;
`check(Path("folder"))` holds the files against the manifest. `export_openlineage` writes the runs alone, as events that
OpenLineage's clients know. Needs the extra [audit].

scope.py finds what belongs to it; tables.py says which rows of which view; columns.py makes values that every reader
takes; writing.py fetches them; manifest.py says what there is; checking.py checks it.
"""

from headwater.export.checking import Checked, check
from headwater.export.manifest import FORMAT, Manifest
from headwater.export.openlineage import Written, export_openlineage
from headwater.export.scope import Wanted
from headwater.export.writing import Exported, export

__all__ = ["FORMAT", "Checked", "Exported", "Manifest", "Wanted", "Written", "check", "export", "export_openlineage"]
