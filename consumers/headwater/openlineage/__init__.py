"""OpenLineage events as the contract's records: nothing but translation, no Kafka, no store.

`translate` makes records of one parsed event, `messages` their bytes, topics and keys, `encoded` both in one go, `read`
of a JSON text; `written` makes events of a record. `landings` has the table of facets. What a mistake would turn into a
false edge is refused with its place; all else is kept, if only as JSON.
"""

from headwater.openlineage.assembling import encoded
from headwater.openlineage.framed import Message, messages
from headwater.openlineage.landings import LANDINGS
from headwater.openlineage.texts import read
from headwater.openlineage.translation import Translated, translate
from headwater.openlineage.writing import written

__all__ = ["LANDINGS", "Message", "Translated", "encoded", "messages", "read", "translate", "written"]
