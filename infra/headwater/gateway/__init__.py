"""The gateway: OpenLineage over HTTP onto the topics, answered when the broker or the disk has it.

serving.py    the server (uvicorn), its address, slow clients' heads
app.py        ASGI: which path does what, and what is answered
admission.py  who may send: keys, hosts, origins; how much at once
bodies.py     a request's body: size, gzip, deadline
room.py       memory for all bodies: charged as they arrive
taking.py     events of a body to messages; what is refused, and where
sending.py    messages to the broker; what it does not take, to the spool
broker.py     the live way: one librdkafka client, a report for each message
spooling.py   the disk: fsync before the answer, and from there to the broker later
"""

from headwater.gateway.serving import serve

__all__ = ["serve"]
