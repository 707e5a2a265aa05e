"""The compiled loops of an equivariant graph convolution: messages, and what flows back through them.

A message of edge ``e`` along path ``p`` is, for each channel ``u`` and component ``k``,

    w[e, p, u] sum_i T[e, p, k, i] x[source(e), i, u]

with the radial weights ``w`` of the edge, and the coupling ``T``: Clebsch-Gordan coefficients summed with the spherical
harmonics of the edge. Messages are added into their target as they arise and never stored, and channels stand
together in memory, so that the processor takes eight at a time. The radial weights are a function of the distance
alone; they are read from a table of cubic Hermite polynomials instead of being computed by a network for each edge, and
the way back reads them again with their derivative.

Everything runs in one thread and a fixed order: the same numbers give the same bits. Importing this module loads numba;
everything compiled is in this one file, because a numba cache does not notice changes in other files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

LARGEST_L = 3
"""Highest angular momentum that the loops are unrolled for."""

ONE, TWO, THREE, FOUR, FIVE, SIX = (np.uint64(n) for n in range(1, 7))

FLOATS = {"contract", "reassoc", "nsz"}
"""Sums may be regrouped and contracted; NaN and infinity stay what they are."""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile, and keep the machine code where a folder for it can be written."""
    try:
        return numba.njit(cache=True, nogil=True, fastmath=FLOATS, error_model="numpy")(function)
    except RuntimeError:  # neither the folder of the package nor that of the user can be written
        return numba.njit(nogil=True, fastmath=FLOATS, error_model="numpy")(function)


@compiled
def _interval(distance, step, n):  # type: ignore[no-untyped-def]
    """Return the interval of the table that holds a distance, and where in it (0 to 1)."""
    at = np.float64(distance) / step
    k = min(max(int(at), 0), n - 1)
    return k, np.float32(at - k)


@compiled
def _weights(out, cubic, s):  # type: ignore[no-untyped-def]
    """Read the radial weights at a place of an interval."""
    c0, c1, c2, c3 = cubic[0], cubic[1], cubic[2], cubic[3]
    for p in range(len(out)):
        out[p] = c0[p] + s * (c1[p] + s * (c2[p] + s * c3[p]))


@compiled
def _slope(weight_grad, cubic, s):  # type: ignore[no-untyped-def]
    """Return the gradient with respect to the place in an interval from that with respect to the weights."""
    c1, c2, c3 = cubic[1], cubic[2], cubic[3]
    d2, d3 = np.float32(2) * s, np.float32(3) * s * s
    total = np.float32(0)
    for p in range(len(weight_grad)):
        total += weight_grad[p] * (c1[p] + d2 * c2[p] + d3 * c3[p])
    return total


@compiled
def add_messages(out, x, coupling, distance, source, target, table, step, paths):  # type: ignore[no-untyped-def]
    """Add the messages of all edges into ``out``.

    ``out`` (natoms, components of all paths) and ``x`` (natoms, components) hold blocks of shape (2l+1, channels);
    ``coupling`` is (nedges, entries), each path a block of shape (2l_out+1, 2l_in+1); ``distance`` (nedges,) in Å;
    ``table`` (intervals, 4, weights): coefficients of the cubic in each interval of ``step`` (Å). A row of ``paths``
    holds the number of channels, 2l+1 of the source and of the sum, and where the blocks of both, the weights and the
    coupling begin. Ends of edges and paths are unsigned: numba would look at the sign of every index otherwise.
    """
    weight = np.empty(table.shape[2], np.float32)
    for e in range(len(source)):
        k, s = _interval(distance[e], step, len(table))
        _weights(weight, table[k], s)
        n, m = source[e], target[e]
        for q in range(len(paths)):
            mul, n_in, n_out = paths[q, 0], paths[q, 1], paths[q, 2]
            a0, o, w, c = paths[q, 3], paths[q, 4], paths[q, 5], paths[q, 6]
            a1, a2, a3 = a0 + mul, a0 + TWO * mul, a0 + THREE * mul
            a4, a5, a6 = a0 + FOUR * mul, a0 + FIVE * mul, a0 + SIX * mul
            for _ in range(n_out):
                t0 = coupling[e, c]
                if n_in == ONE:
                    for u in range(mul):
                        out[m, o + u] += weight[w + u] * (t0 * x[n, a0 + u])
                else:
                    t1, t2 = coupling[e, c + ONE], coupling[e, c + TWO]
                    if n_in == THREE:
                        for u in range(mul):
                            mixed = t0 * x[n, a0 + u] + t1 * x[n, a1 + u] + t2 * x[n, a2 + u]
                            out[m, o + u] += weight[w + u] * mixed
                    else:
                        t3, t4 = coupling[e, c + THREE], coupling[e, c + FOUR]
                        if n_in == FIVE:
                            for u in range(mul):
                                low = t0 * x[n, a0 + u] + t1 * x[n, a1 + u] + t2 * x[n, a2 + u]
                                mixed = low + t3 * x[n, a3 + u] + t4 * x[n, a4 + u]
                                out[m, o + u] += weight[w + u] * mixed
                        else:
                            t5, t6 = coupling[e, c + FIVE], coupling[e, c + SIX]
                            for u in range(mul):
                                low = t0 * x[n, a0 + u] + t1 * x[n, a1 + u] + t2 * x[n, a2 + u]
                                mid = t3 * x[n, a3 + u] + t4 * x[n, a4 + u] + t5 * x[n, a5 + u]
                                out[m, o + u] += weight[w + u] * (low + mid + t6 * x[n, a6 + u])
                o += mul
                c += n_in


@compiled
def pull_messages_back(  # type: ignore[no-untyped-def]
    grad, x, coupling, distance, source, target, table, step, paths, x_grad, coupling_grad, distance_grad
):
    """Take the gradient ``grad`` of the sums back to ``x`` (added), the couplings and the distances (set).

    A row of ``paths`` sums one, three or five components.
    """
    weight = np.empty(table.shape[2], np.float32)
    weight_grad = np.empty(table.shape[2], np.float32)
    for e in range(len(source)):
        k, s = _interval(distance[e], step, len(table))
        _weights(weight, table[k], s)
        weight_grad[:] = np.float32(0)
        n, m = source[e], target[e]
        for q in range(len(paths)):
            mul, n_in, n_out = paths[q, 0], paths[q, 1], paths[q, 2]
            a, o0, w, c0 = paths[q, 3], paths[q, 4], paths[q, 5], paths[q, 6]
            o1, o2, o3 = o0 + mul, o0 + TWO * mul, o0 + THREE * mul
            o4 = o0 + FOUR * mul
            c1, c2, c3, c4 = c0 + n_in, c0 + TWO * n_in, c0 + THREE * n_in, c0 + FOUR * n_in
            for _ in range(n_in):
                t0, d0 = coupling[e, c0], np.float32(0)
                if n_out == ONE:
                    for u in range(mul):
                        f, v, g0 = weight[w + u], x[n, a + u], grad[m, o0 + u]
                        d0 += f * v * g0
                        x_grad[n, a + u] += f * (t0 * g0)
                        weight_grad[w + u] += v * (t0 * g0)
                elif n_out == THREE:
                    t1, t2 = coupling[e, c1], coupling[e, c2]
                    d1 = d2 = np.float32(0)
                    for u in range(mul):
                        f, v = weight[w + u], x[n, a + u]
                        g0, g1, g2 = grad[m, o0 + u], grad[m, o1 + u], grad[m, o2 + u]
                        mixed, fv = t0 * g0 + t1 * g1 + t2 * g2, f * v
                        d0, d1, d2 = d0 + fv * g0, d1 + fv * g1, d2 + fv * g2
                        x_grad[n, a + u] += f * mixed
                        weight_grad[w + u] += v * mixed
                    coupling_grad[e, c1], coupling_grad[e, c2] = d1, d2
                else:
                    t1, t2, t3, t4 = coupling[e, c1], coupling[e, c2], coupling[e, c3], coupling[e, c4]
                    d1 = d2 = d3 = d4 = np.float32(0)
                    for u in range(mul):
                        f, v = weight[w + u], x[n, a + u]
                        g0, g1, g2 = grad[m, o0 + u], grad[m, o1 + u], grad[m, o2 + u]
                        g3, g4 = grad[m, o3 + u], grad[m, o4 + u]
                        mixed, fv = t0 * g0 + t1 * g1 + t2 * g2 + t3 * g3 + t4 * g4, f * v
                        d0, d1, d2, d3, d4 = d0 + fv * g0, d1 + fv * g1, d2 + fv * g2, d3 + fv * g3, d4 + fv * g4
                        x_grad[n, a + u] += f * mixed
                        weight_grad[w + u] += v * mixed
                    coupling_grad[e, c1], coupling_grad[e, c2] = d1, d2
                    coupling_grad[e, c3], coupling_grad[e, c4] = d3, d4
                coupling_grad[e, c0] = d0
                a += mul
                c0, c1, c2, c3, c4 = c0 + ONE, c1 + ONE, c2 + ONE, c3 + ONE, c4 + ONE
        distance_grad[e] = _slope(weight_grad, table[k], s) / step
