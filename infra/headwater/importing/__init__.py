"""OpenLineage events out of files onto the topics: `files` reads, `sending` waits for the broker, `run` does both."""

from headwater.importing.files import sources
from headwater.importing.run import Counts, import_events

__all__ = ["Counts", "import_events", "sources"]
