"""The compiled loop: one event after another, each as much work on a large lattice as on a small one.

Importing this module loads numba, which takes longer than a command may take to start; it is imported by
:mod:`liface.mesoscale.growth` when growing begins. Everything compiled is in this one file, because a numba cache
does not notice changes in other files.

Columns are numbered row by row. Those of one class stand in ``members[class, :counts[class]]``; a column changes its
class by taking the place after the last of the new list, and the last of the old list takes the place it leaves.
What is known of a column stands together, as a large lattice waits for memory more than for anything else.
The n-fold way draws the class by its total rate, the column evenly within it, and then what the column does
(10.1016/0021-9991(75)90060-1). Random numbers are xoshiro256++ (10.1145/3460772), seeded by splitmix64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from liface.mesoscale.rates import CROSSING, FLAT, LI_CLASS, N_CLASSES, STEP

REACHED, SPENT, TIMED, FROZEN = 0, 1, 2, 3
"""Why the loop ended: atoms reached, events spent, time over, nothing can happen."""

ARRIVED, LEFT, HOPPED, PRESENT = 0, 1, 2, 3
"""Places of the counters: arrivals, desorptions, hops, atoms on the lattice."""

HEIGHT, ENTRY = 0, 1
"""What is known of a column: its atoms; its place in the list of its class, and that class in the last six bits."""

CLASS_BITS, CLASS_MASK = 6, 63

QUARTER = math.ceil(N_CLASSES / 4)

_TO_UNIT = 2.0**-53


def compiled(function: Callable[..., Any]) -> Any:
    """Compile, and keep the machine code where a folder for it can be written."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither the folder of the package nor that of the user can be written
        return numba.njit(nogil=True)(function)


@compiled
def seed_generator(seed, state):  # type: ignore[no-untyped-def]
    """Fill the four words of ``state`` from a seed by splitmix64."""
    word = np.uint64(seed)
    for i in range(4):
        word += np.uint64(0x9E3779B97F4A7C15)
        z = word
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state[i] = z ^ (z >> np.uint64(31))


@compiled
def _rotated(x, bits):  # type: ignore[no-untyped-def]
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@compiled
def next_word(state):  # type: ignore[no-untyped-def]
    """Return 64 random bits (xoshiro256++) and move the state on."""
    result = _rotated(state[0] + state[3], 23) + state[0]
    t = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= t
    state[3] = _rotated(state[3], 45)
    return result


@compiled
def _uniform(state):  # type: ignore[no-untyped-def]
    """Return a number in [0, 1)."""
    return (next_word(state) >> np.uint64(11)) * _TO_UNIT


@compiled
def _around(x, y, size):  # type: ignore[no-untyped-def]
    """Return the numbers of the columns to the left, right, above and below."""
    row = y * size
    left = row + (x - 1 if x > 0 else size - 1)
    right = row + (x + 1 if x < size - 1 else 0)
    above = (y - 1 if y > 0 else size - 1) * size + x
    below = (y + 1 if y < size - 1 else 0) * size + x
    return left, right, above, below


@compiled
def _class_of(x, y, size, cells):  # type: ignore[no-untyped-def]
    h = cells[y * size + x, HEIGHT]
    if h == 0:
        return 0
    left, right, above, below = _around(x, y, size)
    a, b, c, d = cells[left, HEIGHT], cells[right, HEIGHT], cells[above, HEIGHT], cells[below, HEIGHT]
    bonds = int(a >= h) + int(b >= h) + int(c >= h) + int(d >= h)
    if h == 1:
        return 1 + bonds
    low = h - 1
    flat = int(a == low) + int(b == low) + int(c == low) + int(d == low)
    bare = int(a == 0) + int(b == 0) + int(c == 0) + int(d == 0)
    return int(LI_CLASS[bonds, flat, bare])


@compiled
def _refresh_around(x, y, skipped, size, cells, members, counts, weights, total):  # type: ignore[no-untyped-def]
    """Move a column and its neighbours, but for the skipped one of them, to the lists of their classes.

    One loop with everything in it: handing the arrays to a function costs more than this work.
    """
    xs = (x, x - 1 if x > 0 else size - 1, x + 1 if x < size - 1 else 0, x, x)
    ys = (y, y, y, y - 1 if y > 0 else size - 1, y + 1 if y < size - 1 else 0)
    for i in range(5):
        if i == skipped:
            continue
        column = ys[i] * size + xs[i]
        entry = cells[column, ENTRY]
        new, old = _class_of(xs[i], ys[i], size, cells), entry & CLASS_MASK
        if new != old:
            counts[old] -= 1
            last = members[old, counts[old]]
            members[old, entry >> CLASS_BITS] = last
            cells[last, ENTRY] = entry
            members[new, counts[new]] = column
            cells[column, ENTRY] = counts[new] << CLASS_BITS | new
            counts[new] += 1
            weights[old] = counts[old] * total[old]
            weights[new] = counts[new] * total[new]


@compiled
def fill_lists(size, cells, members, counts):  # type: ignore[no-untyped-def]
    """Put every column into the list of its class, in the order of their numbers."""
    counts[:] = 0
    for column in range(size * size):
        new = _class_of(column % size, column // size, size, cells)
        members[new, counts[new]] = column
        cells[column, ENTRY] = counts[new] << CLASS_BITS | new
        counts[new] += 1


@compiled
def _sums(weights):  # type: ignore[no-untyped-def]
    """Return the sums of the four quarters of the classes, which a processor adds side by side."""
    a = b = c = d = 0.0
    for i in range(QUARTER):
        a += weights[i]
        b += weights[i + QUARTER]
        c += weights[i + 2 * QUARTER]
        d += weights[i + 3 * QUARTER]
    return a, b, c, d


@compiled
def _drawn_class(x, quarters, weights):  # type: ignore[no-untyped-def]
    first = 0
    for i in range(3):
        if x < quarters[i]:
            break
        x -= quarters[i]
        first += QUARTER
    chosen = 0
    for number in range(first, first + QUARTER):
        x -= weights[number]
        if x < 0.0:
            return number
    for number in range(N_CLASSES):
        if weights[number] > 0.0:
            chosen = number  # rounding left nothing: the last class that has something
    return chosen


@compiled
def _drawn_direction(draw, x, y, size, cells, hop, number):  # type: ignore[no-untyped-def]
    """Return the direction of a hop, 0 to 3; ``hop`` holds the rates of the kinds of hop of this class."""
    h = cells[y * size + x, HEIGHT]
    chosen = -1
    around = _around(x, y, size)
    for direction in range(4):
        other = cells[around[direction], HEIGHT]
        kind = FLAT if other == h - 1 else CROSSING if h == 1 or other == 0 else STEP
        if hop[number, kind] > 0.0:
            chosen = direction
            draw -= hop[number, kind]
            if draw < 0.0:
                break
    return chosen


@compiled
def _moved(x, y, direction, size):  # type: ignore[no-untyped-def]
    if direction == 0:
        return (x - 1 if x > 0 else size - 1), y
    if direction == 1:
        return (x + 1 if x < size - 1 else 0), y
    if direction == 2:
        return x, (y - 1 if y > 0 else size - 1)
    return x, (y + 1 if y < size - 1 else 0)


@compiled
def advance(size, cells, members, counts, rng, clock, tally, rates, atoms, events, until):  # type: ignore[no-untyped-def]
    """Do events until a number of atoms is present, a number of events is done, or a time is reached.

    Column i holds ``cells[i, HEIGHT]`` atoms, and ``cells[i, ENTRY]`` says where it is listed; ``rates`` are
    (arrival, desorption, hop, total). All arrays are changed in place and hold the whole state: a run that is cut
    into pieces is the same run. Only a stop at a time draws one number more than going on would.
    """
    arrival, desorption, hop, total = rates
    weights = np.zeros(4 * QUARTER)
    weights[:N_CLASSES] = counts * total
    done = 0
    while tally[PRESENT] < atoms:
        if done >= events:
            return SPENT
        quarters = _sums(weights)
        everything = (quarters[0] + quarters[1]) + (quarters[2] + quarters[3])
        if everything <= 0.0:
            return FROZEN
        wait = -math.log(1.0 - _uniform(rng)) / everything
        if clock[0] + wait > until:
            clock[0] = until
            return TIMED
        clock[0] += wait
        number = _drawn_class(_uniform(rng) * everything, quarters, weights)
        column = members[number, int(_uniform(rng) * counts[number])]
        y = column // size
        x = column - y * size
        draw, skipped = _uniform(rng) * total[number] - arrival[number], -1
        if draw < 0.0:
            cells[column, HEIGHT] += 1
            tally[ARRIVED] += 1
            tally[PRESENT] += 1
        elif draw < desorption[number]:
            cells[column, HEIGHT] -= 1
            tally[LEFT] += 1
            tally[PRESENT] -= 1
        else:
            direction = _drawn_direction(draw - desorption[number], x, y, size, cells, hop, number)
            to_x, to_y = _moved(x, y, direction, size)
            cells[column, HEIGHT] -= 1
            cells[to_y * size + to_x, HEIGHT] += 1
            tally[HOPPED] += 1
            skipped = 1 + direction  # the target has its own turn, and leaves out where the atom came from
            back = 1 + (direction ^ 1)
            _refresh_around(to_x, to_y, back, size, cells, members, counts, weights, total)
        _refresh_around(x, y, skipped, size, cells, members, counts, weights, total)
        done += 1
    return REACHED
