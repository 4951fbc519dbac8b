"""The buckets in which times are counted: 8 for each power of two, so that a quantile is within 6 % of it.

Counts of the same bucket are added, so sketches of windows, sides and shards can be merged without a loss.
"""

from __future__ import annotations

import cython

BUCKETS = 192
"""Buckets of a sketch: the first holds what is less than 4.1 us, the last what is more than 64 s."""

# From 2**_LEAST ns (4 us) on, 8 buckets an octave; bucket 0 holds what is less, the last what is more (64 s).
_LEAST = cython.declare(cython.int, 12)
_BUCKETS = cython.declare(cython.Py_ssize_t, BUCKETS)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def bucket_of(time: cython.longlong) -> cython.Py_ssize_t:
    """Which bucket a time (ns) belongs to."""
    octave: cython.int = 0
    rest: cython.longlong = time >> _LEAST
    bucket: cython.Py_ssize_t
    if rest <= 0:
        return 0
    while rest > 1:
        rest >>= 1
        octave += 1
    bucket = 8 * octave + ((time >> (_LEAST + octave - 3)) & 7)
    return bucket if bucket < _BUCKETS else _BUCKETS - 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def middle_of(bucket: cython.Py_ssize_t) -> cython.longlong:
    """The time (ns) in the middle of a bucket."""
    low: cython.longlong
    if bucket == 0:
        return 1 << (_LEAST - 1)
    low = cython.cast(cython.longlong, 8 + (bucket & 7)) << (_LEAST - 3 + (bucket >> 3))
    return low + ((cython.cast(cython.longlong, 1) << (_LEAST - 3 + (bucket >> 3))) >> 1)
