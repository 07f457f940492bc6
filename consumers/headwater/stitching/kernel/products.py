"""Messages of a long run: of each event that named new inputs a product of them with the run's outputs, of one that
named new outputs one of the run's inputs with them, and the event itself, as it is kept.
"""

from __future__ import annotations

from headwater.stitching.kernel.together import Bytes, Numbers, together
from headwater.stitching.kernel.words import Place, put_number, put_slice

#: Where `fill` counts: bytes and entries of the three lists, and the latest event time.
EVENT_BYTES, NODE_BYTES, PRODUCT_BYTES, EVENTS, NODES, PRODUCTS, LATEST = range(7)
#: Bytes at most of an event, of what stands around a product's new datasets, of the number of one.
_EVENT, _PRODUCT, _NUMBER = 26, 24, 5


@together
def fill(
    data: Bytes,
    ends: Numbers,
    ids: Bytes,
    times: Numbers,
    firsts: Numbers,
    written: bool,
    place: Numbers,
    others: Bytes,
    most: int,
    events: Bytes,
    nodes: Bytes,
    products: Bytes,
    size: Numbers,
) -> None:
    """Fill a message's lists from `place` (event, input) on, and set it to where it stopped for want of room.

    Dataset i is data[ends[i - 1]:ends[i]], as a node's bytes; event e, of 16 bytes of `ids` and a time, named those
    from firsts[e] on, before firsts[e + 1]. `others`: the list of a product's targets, where they are `written` of its
    sources, as bytes; NODES counts them as entries before. `most`: bytes of the lists, which they exceed for one
    dataset that is longer.
    """
    event, one, nothing = place[0], place[1], True
    while event < len(times):
        last = firsts[event + 1]
        room = most - size[EVENT_BYTES] - size[NODE_BYTES] - size[PRODUCT_BYTES] - _EVENT - _PRODUCT - len(others)
        stop, used = one, 0
        while stop < last:
            used += ends[stop] - (ends[stop - 1] if stop > 0 else 0) + _NUMBER
            if used > room and not (nothing and stop == one):
                break
            stop += 1
        if stop == one:
            break
        nothing = False
        at = size[EVENT_BYTES]
        for i in range(16):
            events[at + i] = ids[16 * event + i]
        size[EVENT_BYTES] = put_number(events, at + 16, times[event])
        size[LATEST] = max(size[LATEST], times[event])
        begin = ends[one - 1] if one > 0 else 0
        size[NODE_BYTES] = put_slice(nodes, size[NODE_BYTES], data, begin, ends[stop - 1])
        at = size[PRODUCT_BYTES]
        if written:
            at = put_slice(products, at, others, 0, len(others))
        at = put_number(products, at, stop - one)
        for node in range(size[NODES], size[NODES] + stop - one):
            at = put_number(products, at, node)
        products[at] = 0
        at += 1
        if not written:
            at = put_slice(products, at, others, 0, len(others))
        at = put_number(products, at, size[EVENTS])
        products[at] = 1  # -1: no event withdrew it
        size[PRODUCT_BYTES] = at + 1
        size[EVENTS] += 1
        size[NODES] += stop - one
        size[PRODUCTS] += 1
        one = stop
        if one < last:
            break
        event += 1
    place[0], place[1] = event, one


@together
def _put_list(out: Bytes, at: Place, data: Bytes, ends: Numbers, first: Place, last: Place, after_each: Bytes) -> Place:
    """A list of the datasets from `first` on, before `last`, each followed by `after_each`; the place after it."""
    if last > first:
        at = put_number(out, at, last - first)
        for one in range(first, last):
            at = put_slice(out, at, data, ends[one - 1] if one > 0 else 0, ends[one])
            at = put_slice(out, at, after_each, 0, len(after_each))
    out[at] = 0
    return at + 1


@together
def retell(
    data: Bytes,
    ends: Numbers,
    ids: Bytes,
    times: Numbers,
    firsts: Numbers,
    written: Bytes,
    written_ends: Numbers,
    written_firsts: Numbers,
    states: Numbers,
    head: Bytes,
    befores: Bytes,
    before_ends: Numbers,
    after_each: Bytes,
    after: Bytes,
    out: Bytes,
    out_ends: Numbers,
) -> None:
    """Write each event as a message: `head`, its id, its time, what its state has before the inputs (`befores`, one
    after the other), the list of its inputs and that of its outputs, each followed by `after_each`, and `after`. There
    must be room.
    """
    at = 0
    for event in range(len(times)):
        at = put_slice(out, at, head, 0, len(head))
        at = put_slice(out, at, ids, 16 * event, 16 * event + 16)
        at = put_number(out, at, times[event])
        state = states[event]
        at = put_slice(out, at, befores, before_ends[state - 1] if state > 0 else 0, before_ends[state])
        at = _put_list(out, at, data, ends, firsts[event], firsts[event + 1], after_each)
        at = _put_list(out, at, written, written_ends, written_firsts[event], written_firsts[event + 1], after_each)
        at = put_slice(out, at, after, 0, len(after))
        out_ends[event] = at
