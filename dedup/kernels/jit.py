"""The one way in which kernels are compiled, and the few machine instructions that numba does not offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")

u8, u32, u64 = np.uint8, np.uint32, np.uint64


def kernel(function: Function) -> Function:
    """Compile ``function`` without the GIL and keep the machine code on disk."""
    return cast("Function", njit(nogil=True, cache=True, error_model="numpy")(function))


def inline(function: Function) -> Function:
    """Compile a small helper into its callers; where arrays are handed over, a call would count references."""
    return cast("Function", njit(nogil=True, cache=True, error_model="numpy", inline="always")(function))


def _load64(_typing: Any, array: Any, index: Any) -> Any:
    """Read eight bytes of a uint8 array as one little-endian word; the caller keeps eight bytes of room."""
    del index

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(view.data, [arguments[1]])
        word = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(array, types.int64), generate


def _trailing_zeros(_typing: Any, word: Any) -> Any:
    """Count the zero bits below the lowest set bit of a non-zero uint64."""
    del word

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _wide_vectors(_typing: Any) -> Any:
    """Let LLVM use 512-bit vectors in the kernel that calls this, where the processor has them.

    By default it takes 256 bits, for fear of a lower clock on processors of 2017; the minima gain a fifth.
    """

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        # llvmlite knows the attributes of LLVM's core only; this one is a target's, written as text.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


load64: Any = intrinsic(_load64)
wide_vectors: Any = intrinsic(_wide_vectors)
trailing_zeros: Any = intrinsic(_trailing_zeros)
