"""The one edge to Numba: a typed decorator that compiles a function, and the machine words it reads.

A compiled function is cached on disk beside its module, or in the user's cache folder where that is not
writable. Numba notices a change of the function's own file only: keep what is compiled together, constants
included, in one file.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function, compiled at its first call, without the GIL. Its callees must be compiled too.

    It makes no arrays of its own: what it needs is handed in. So Numba need not count who holds an array, which it does
    by a locked instruction at each call from one compiled function to another: a quarter of the codec's time.
    """
    return _compile(function, nogil=True)


def inlined(function: Function) -> Function:
    """As `compiled`, and copied into its callers: handing over an array costs more than a few operations do."""
    return _compile(function, nogil=True, forceinline=True)


def _compile(function: Function, **options: bool) -> Function:
    njit = cast("Any", numba).njit
    try:
        return cast("Function", njit(cache=True, _nrt=False, **options)(function))
    except RuntimeError as error:  # no folder for the cache can be written
        warnings.warn(f"compiled code cannot be kept, each start compiles it again: {error}", stacklevel=3)
        return cast("Function", njit(_nrt=False, **options)(function))


def _load_word(_context: Any, buffer: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        loaded = builder.load(builder.bitcast(address, cast("Any", ir).IntType(64).as_pointer()))
        loaded.align = 1
        return loaded

    return cast("Any", types).uint64(buffer, index), generate


def _load_of(_context: Any, packed: Any, _column: Any, _row: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        base = builder.load(builder.gep(data, [arguments[1]]))
        return builder.load(builder.gep(data, [builder.add(base, arguments[2])]))

    int64 = cast("Any", types).int64
    return int64(packed, int64, int64), generate


def _copy_bytes(_context: Any, out: Any, _at: Any, buffer: Any, _start: Any, _length: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, source = (context.make_array(signature.args[n])(context, builder, arguments[n]).data for n in (0, 2))
        to, source = builder.gep(to, [arguments[1]]), builder.gep(source, [arguments[3]])
        cast("Any", cgutils).raw_memcpy(builder, to, source, arguments[4], 1)
        return builder.add(arguments[1], arguments[4])

    int64 = cast("Any", types).int64
    return int64(out, int64, buffer, int64, int64), generate


def _trailing_zeros(_context: Any, value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cast("Any", ir).Constant(cast("Any", ir).IntType(1), 0))

    return cast("Any", types).int64(value), generate


#: word(buffer, index): the eight bytes from index on as a little-endian number. Nothing is checked.
word = cast("Callable[[Any, int], int]", cast("Any", intrinsic)(_load_word))
#: value_of(packed, column, row): of columns in one array of int64, each of which begins where packed[column] says, the
#: value in that row. Nothing is checked; as `word`, cheaper to compile and to run than indexing.
value_of = cast("Callable[[Any, Any, Any], int]", cast("Any", intrinsic)(_load_of))
#: copy_bytes(out, at, buffer, start, length): copy bytes, which must not overlap; at + length. Nothing is checked.
copy_bytes = cast("Callable[[Any, Any, Any, Any, Any], int]", cast("Any", intrinsic)(_copy_bytes))
#: trailing_zeros(value): zero bits below the lowest set bit; 64 where there is none.
trailing_zeros = cast("Callable[[int], int]", cast("Any", intrinsic)(_trailing_zeros))
