"""Random numbers, repeats, interruptions and bad input of one run."""

from __future__ import annotations

import numpy as np
import pytest

from liface.errors import AnalysisError
from liface.mesoscale import Growth, GrowthSpec, kernel

SPEC = GrowthSpec(size=16, bond_substrate_ev=0.05, step_edge_ev=0.05, desorption_li_ev=0.75)


def same(a: Growth, b: Growth) -> bool:
    return all(np.array_equal(x, b.state()[name]) for name, x in a.state().items())


def test_generator_gives_the_published_numbers():
    """First words of xoshiro256++ from 1, 2, 3, 4, and of splitmix64 from 1234567."""
    state = np.array([1, 2, 3, 4], np.uint64)
    assert [int(kernel.next_word(state)) for _ in range(4)] == [
        41943041, 58720359, 3588806011781223, 3591011842654386,
    ]  # fmt: skip
    kernel.seed_generator(np.uint64(1234567), state)
    assert state.tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
    ]  # fmt: skip


def test_same_seed_same_run_and_another_seed_another():
    runs = [Growth(SPEC, seed) for seed in (7, 7, 8)]
    for run in runs:
        run.advance(200)
    assert same(runs[0], runs[1]) and not same(runs[0], runs[2])


def test_a_run_in_pieces_is_the_same_run():
    whole, pieces = Growth(SPEC, 7), Growth(SPEC, 7)
    whole.advance(200)
    while pieces.advance(200, events=97) != "atoms":
        pass
    assert same(whole, pieces) and whole.time_s == pieces.time_s


def test_a_restored_run_goes_on_to_the_last_bit():
    whole, first = Growth(SPEC, 7), Growth(SPEC, 7)
    whole.advance(200)
    first.advance(120)
    second = Growth.restored(SPEC, 7, first.state())
    assert second.advance(200) == "atoms"
    assert same(whole, second) and second.events == whole.events and second.desorptions == whole.desorptions


def test_lists_stay_what_a_fresh_count_gives():
    run = Growth(SPEC, 1)
    for _ in range(50):
        run.advance(10**6, events=200)
        fresh = Growth(SPEC, 1, run.heights)
        classes, places = run._cells[:, 1] & 63, run._cells[:, 1] >> 6
        assert np.array_equal(run._counts, fresh._counts) and np.array_equal(classes, fresh._cells[:, 1] & 63)
        for number, count in enumerate(run._counts):
            members = run._members[number, :count]
            assert np.all(classes[members] == number) and np.array_equal(places[members], np.arange(count))
    assert run.atoms == run.heights.sum() and run.hops > 0 and run.desorptions > 0


def test_why_a_run_pauses():
    run = Growth(GrowthSpec(size=4))
    assert run.advance(3) == "atoms" and run.advance(events=2) == "events"
    assert run.advance(until_s=run.time_s + 1e-9) == "time"
    closed = GrowthSpec(size=4, arrival_substrate_hz=0.0, arrival_li_hz=0.0)
    assert Growth(closed).advance(1) == "frozen"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": -4}, "size is -4"),
        ({"size": 1}, "give 2 to"),
        ({"size": 10**6}, "size is 1000000"),
        ({"temperature_k": 0.0}, "positive temperature"),
        ({"temperature_k": float("nan")}, "positive temperature"),
        ({"arrival_substrate_hz": 0.0}, "one of two rates cannot be zero"),
        ({"arrival_li_hz": -1.0}, "arrival_li_hz is -1"),
        ({"attempt_hz": float("inf")}, "attempt_hz is inf"),
        ({"diffusion_li_ev": float("nan")}, "must be finite"),
        ({"diffusion_substrate_ev": -0.1}, "detailed balance"),
        ({"bond_substrate_ev": -0.2}, "detailed balance"),
        ({"bond_li_ev": float("inf")}, "must be finite"),
        ({"step_edge_ev": -0.1}, "step_edge_ev is -0.1"),
        ({"substrate_preference_ev": float("inf")}, "finite energy"),
        ({"desorption_li_ev": -1.0}, "desorption_li_ev"),
    ],
)
def test_bad_specs_say_what_to_do(changes, words):
    with pytest.raises(AnalysisError, match=words):
        GrowthSpec(**changes)


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("inf"), float("nan")])
def test_ratios_are_positive(ratio):
    with pytest.raises(AnalysisError, match="positive finite"):
        GrowthSpec().at_ratio(ratio)


def test_bad_calls_say_what_to_do():
    spec = GrowthSpec(size=4)
    for seed in (-1, 2**64, 0.5):
        with pytest.raises(AnalysisError, match="seed"):
            Growth(spec, seed)
    for heights in (np.zeros((3, 3), int), np.full((4, 4), -1), np.zeros((4, 4))):
        with pytest.raises(AnalysisError, match="heights"):
            Growth(spec, 0, heights)
    with pytest.raises(AnalysisError, match="does not end"):
        Growth(spec).advance()
    with pytest.raises(AnalysisError, match="limits"):
        Growth(spec).advance(-1)


@pytest.mark.parametrize("name", ["heights", "order", "rng", "clock", "tally"])
def test_damaged_states_are_refused(name):
    spec = GrowthSpec(size=4)
    run = Growth(spec)
    run.advance(5)
    state = run.state()
    with pytest.raises(AnalysisError, match="state"):
        Growth.restored(spec, 0, {k: v for k, v in state.items() if k != name})
    with pytest.raises(AnalysisError, match="state"):
        Growth.restored(spec, 0, state | {name: state[name][:-1]})


def test_a_state_that_contradicts_itself_is_refused():
    spec = GrowthSpec(size=4)
    run = Growth(spec)
    run.advance(5)
    state = run.state()
    for wrong in ({"tally": np.array([5, 0, 0, 6])}, {"rng": np.zeros(4, np.uint64)}, {"clock": np.array([np.nan])},
                  {"order": state["order"][::-1]}):  # fmt: skip
        with pytest.raises(AnalysisError, match="state"):
            Growth.restored(spec, 0, state | wrong)
