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

BLOCK = 64  # bytes that are looked at together, with a bit each in a mask
LANES = 8  # words that are looked at together
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


def _block_of(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Load 64 bytes of a uint8 array as one vector."""
    view = context.make_array(signature.args[0])(context, builder, arguments[0])
    place = builder.gep(view.data, [arguments[1]])
    return builder.load(builder.bitcast(place, ir.VectorType(ir.IntType(8), BLOCK).as_pointer()), align=1)


def _filled64(_typing: Any, array: Any, index: Any) -> Any:
    """Say of 64 bytes of a uint8 array which are not zero: a uint64, the first byte in the lowest bit.

    The caller keeps 64 bytes of room. LLVM makes one comparison of it, or a few where vectors are shorter.
    """
    del index

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block_of(context, builder, signature, arguments)
        filled = builder.icmp_unsigned("!=", block, ir.Constant(block.type, None))
        return builder.bitcast(filled, ir.IntType(64))

    return types.uint64(array, types.int64), generate


def _high64(_typing: Any, array: Any, index: Any) -> Any:
    """Say of 64 bytes of a uint8 array which have their high bit set, as ``filled64`` does."""
    del index

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block_of(context, builder, signature, arguments)
        high = builder.icmp_signed("<", block, ir.Constant(block.type, None))
        return builder.bitcast(high, ir.IntType(64))

    return types.uint64(array, types.int64), generate


def _fold64(_typing: Any, source: Any, index: Any, target: Any, out: Any) -> Any:
    """Fold 64 ASCII bytes: letters to small ones, digits as they are, all else to zero; return where quotes stood.

    Quotes are ``'`` and the backtick, in a mask as ``filled64`` makes it.
    """
    del index, out

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _block_of(context, builder, signature, arguments)

        def every(byte: int) -> Any:
            return ir.Constant(block.type, [byte] * BLOCK)

        small = builder.or_(block, every(0x20))
        letter = builder.icmp_unsigned("<", builder.sub(small, every(0x61)), every(26))
        digit = builder.icmp_unsigned("<", builder.sub(block, every(0x30)), every(10))
        folded = builder.select(letter, small, builder.select(digit, block, every(0)))
        view = context.make_array(signature.args[2])(context, builder, arguments[2])
        place = builder.bitcast(builder.gep(view.data, [arguments[3]]), block.type.as_pointer())
        builder.store(folded, place, align=1)
        quote = builder.or_(
            builder.icmp_unsigned("==", block, every(0x27)), builder.icmp_unsigned("==", block, every(0x60))
        )
        return builder.bitcast(quote, ir.IntType(64))

    return types.uint64(source, types.int64, target, types.int64), generate


def _equal8(_typing: Any, words: Any, index: Any, value: Any) -> Any:
    """Say which of eight uint64 of an array, from ``index`` on, equal a value: a mask, the first in the lowest bit."""
    del index, value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        kind = ir.VectorType(ir.IntType(64), LANES)
        lanes = builder.load(builder.bitcast(builder.gep(view.data, [arguments[1]]), kind.as_pointer()), align=8)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), arguments[2], ir.Constant(ir.IntType(32), 0))
        every = builder.shuffle_vector(
            one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        )
        equal = builder.icmp_unsigned("==", lanes, every)
        return builder.zext(builder.bitcast(equal, ir.IntType(LANES)), ir.IntType(64))

    return types.uint64(words, types.int64, types.uint64), generate


def _ones(_typing: Any, word: Any) -> Any:
    """Count the bits of a uint64 that are set."""
    del word

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


def _trailing_zeros(_typing: Any, word: Any) -> Any:
    """Count the zero bits below the lowest set bit of a uint64; 64 where none is set."""
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


def _read_at(_typing: Any, file: Any, place: Any, array: Any, size: Any) -> Any:
    """Read ``size`` bytes of an open file, from ``place`` on, into a uint8 array: pread, the bytes that were read."""
    del file, place, size

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[2])(context, builder, arguments[2])
        word, bytes_ = ir.IntType(64), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(word, [ir.IntType(32), bytes_, word, word])
        pread = builder.module.globals.get("pread") or ir.Function(builder.module, kind, "pread")
        file = builder.trunc(arguments[0], ir.IntType(32))
        return builder.call(pread, [file, builder.bitcast(view.data, bytes_), arguments[3], arguments[1]])

    return types.int64(types.int64, types.int64, array, types.int64), generate


load64: Any = intrinsic(_load64)
read_at: Any = intrinsic(_read_at)
filled64: Any = intrinsic(_filled64)
high64: Any = intrinsic(_high64)
fold64: Any = intrinsic(_fold64)
equal8: Any = intrinsic(_equal8)
ones: Any = intrinsic(_ones)
wide_vectors: Any = intrinsic(_wide_vectors)
trailing_zeros: Any = intrinsic(_trailing_zeros)
