"""Where Li deposits: terms by hand, solved boundaries, the published order, what is missing."""

import pickle
from dataclasses import replace

import pytest

from liface.errors import InputError, MissingAdhesionError
from liface.mesoscale.creep_parameters import DEFAULT
from liface.mesoscale.deposition import Deposition, deposition, deposits_at, overall_adhesion, place_energy
from liface.mesoscale.hosts import host_current, pressure_mpa
from liface.mesoscale.records import Origin, deposition_result
from liface.mesoscale.stack import AREA_PER_LI_A2, Adhesions, Pores, Stack, contact_share
from liface.mesoscale.stack_file import read_stack

GIVEN = {("SE", "C"): 60.0, ("Li", "SE"): 40.0, ("Li", "C"): 15.0, ("C", "CC"): 20.0, ("Li", "CC"): 30.0}
HOST = host_current(31, 333.15, pressure_mpa(1), 0.5, 10, draws=200)
STACK = Stack("SE", "C", "CC")
PRESSED = replace(STACK, pressure_mpa=10.0, li_surface_mev_per_a2=29.0, pores=Pores(1.0, HOST))


def adhesions(**changes: float) -> Adhesions:
    found = Adhesions()
    for (a, b), value in GIVEN.items():
        found = found.given(a, b, changes.get(f"{a}_{b}", value))
    return found


def test_terms_by_hand():
    stack = replace(STACK, pressure_mpa=100.0, li_stress_mpa=-20.0, potential_v={"electrolyte": 0.05},
                    reaction_ev={"electrolyte": -0.2})  # fmt: skip
    found = place_energy("electrolyte", stack, adhesions())
    assert found.adhesion_mev_per_a2 == overall_adhesion(60, 40, 15) == 5
    assert found.adhesion_j_per_m2 == pytest.approx(5 * 0.0160218, rel=1e-5)
    assert found.adhesion_ev == pytest.approx(0.005 * 8.69, rel=1e-3)
    assert found.potential_ev == pytest.approx(-0.05) and found.reaction_ev == pytest.approx(-0.2)
    # 120 MPa × 21.537 Å³ × 6.2415e-6 eV/(MPa·Å³)
    assert found.pressure_ev == pytest.approx(0.016131, rel=1e-3)
    terms = (found.adhesion_ev, found.potential_ev, found.reaction_ev, found.pressure_ev)
    assert found.driving_force_ev == pytest.approx(sum(terms))


def test_area_is_that_of_a_close_packed_plane_of_li():
    lattice = (2 * 21.537) ** (1 / 3)
    assert pytest.approx(lattice**2 / 2**0.5, rel=1e-4) == AREA_PER_LI_A2


def test_ranking_and_margin():
    found = deposition(STACK, adhesions())
    assert [p.place for p in found.places] == ["collector", "electrolyte"]
    assert found.margin_ev == pytest.approx((5 + 25) * AREA_PER_LI_A2 / 1e3)
    assert Deposition.from_json(found.model_dump_json()) == found


def test_pressure_alone_does_not_choose_between_the_two_faces():
    for pressure in (0.0, 5.0, 380.0):
        assert deposition(replace(STACK, pressure_mpa=pressure), adhesions()).margin_ev == pytest.approx(
            0.2607, abs=1e-3
        )


@pytest.mark.parametrize(("formation_mpa", "answer"), [(380.0, "collector"), (5.0, "electrolyte")])
@pytest.mark.parametrize("hardness", [100.0, 500.0])
def test_published_contact_order(formation_mpa, answer, hardness):
    """Strong contact of electrolyte and interlayer (380 MPa): collector; weak (5 MPa): electrolyte side.

    10.1039/d2ta06466a. The adhesions are made up; the published order only asks that the step lies between the two
    pressures.
    """
    stack = replace(STACK, contact=contact_share(formation_mpa, hardness))
    assert deposition(stack, adhesions()).answer == answer
    (step,) = [b for b in deposition(stack, adhesions()).boundaries if b.variable == "contact"]
    assert step.value == pytest.approx(0.5) and step.wins_above == "collector" and step.changes_the_answer
    assert 5 < step.value * hardness < 380


def test_weak_adhesion_gives_the_order_too():
    assert deposition(STACK, adhesions(SE_C=60)).answer == "collector"
    assert deposition(STACK, adhesions(SE_C=5)).answer == "electrolyte"


@pytest.mark.parametrize("stack", [STACK, PRESSED, replace(PRESSED, contact=0.1)], ids=["dense", "porous", "weak"])
def test_boundaries_are_solved(stack):
    """On a boundary both places are equal, and on its two sides the answers are the ones it names."""
    known = adhesions()
    for b in deposition(stack, known).boundaries:
        answers = {}
        for step in (-1e-3, 0.0, 1e-3):
            value = b.value * (1 + step)
            moved, values = stack, known
            if b.variable == "external pressure":
                moved = replace(stack, pressure_mpa=value)
            elif b.variable == "contact":
                moved = replace(stack, contact=min(value, 1.0))
            else:
                values = known.given("SE", "C", value)
            energies = {p: place_energy(p, moved, values).driving_force_ev for p in (b.first, b.second)}
            answers[step] = min(energies, key=energies.__getitem__)
            if not step:
                assert energies[b.first] == pytest.approx(energies[b.second], abs=1e-12)
                assert b.changes_the_answer == ({b.first, b.second} <= set(deposits_at(moved, values)))
        if b.value > 0:
            assert answers[1e-3] == b.wins_above != answers[-1e-3]


def test_pores_take_li_while_they_are_open():
    assert deposition(PRESSED, adhesions()).answer == "pores"
    full = deposition(replace(PRESSED, pores=Pores(1.0, HOST, filled=1.0)), adhesions())
    assert full.answer == "collector" and full.places[-1].reason == "no free volume is left"
    fast = deposition(replace(PRESSED, pores=Pores(50.0, HOST)), adhesions())
    assert fast.answer == "collector" and "transport along the pores passes" in fast.places[-1].reason
    assert not fast.places[-1].open and fast.places[-1].place == "pores"


def test_faces_of_the_li_keep_the_order_of_the_two_interfaces():
    plain, whole = deposition(STACK, adhesions()), deposition(replace(STACK, li_surface_mev_per_a2=29), adhesions())
    assert whole.margin_ev == pytest.approx(plain.margin_ev)
    lift = whole.places[0].driving_force_ev - plain.places[0].driving_force_ev
    assert lift == pytest.approx(2 * 0.029 * AREA_PER_LI_A2)


def test_missing_values_say_what_computes_them():
    known = Adhesions().given("SE", "C", 60)
    with pytest.raises(MissingAdhesionError, match="adhesion of Li and SE is not known; compute it with a campaign"):
        deposition(STACK, known)
    snippet = r"holds 'adhesions: \[\{a: SE, b: C\}\]' .* or give it in meV/Å² with --adhesion SE,C=VALUE"
    with pytest.raises(MissingAdhesionError, match=snippet):
        deposition(STACK, Adhesions())
    with pytest.raises(MissingAdhesionError, match=r'a: LiF, plane_a: "100", b: C') as error:
        Adhesions().between("LiF(100)", "C")
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_adhesion_has_no_order_and_the_last_word_wins():
    known = Adhesions().given("A", "B", 1).given("B", "A", 2, "elsewhere")
    assert known.between("A", "B") == 2 and known.sources[frozenset("AB")] == "elsewhere"


def test_what_is_said_of_a_record_goes_with_its_value():
    stored = adhesions().given("C", "SE", 7.0, "record", record_id="r1", notes=("debonded: 4 Å apart",))
    used = {a.pair: a for a in deposition(STACK, stored).adhesions}
    assert (used["SE|C"].record_id, used["SE|C"].notes) == ("r1", ("debonded: 4 Å apart",))
    assert (used["Li|C"].record_id, used["Li|C"].notes) == (None, ())
    by_hand = {a.pair: a for a in deposition(STACK, stored.given("SE", "C", 7.0)).adhesions}
    assert (by_hand["SE|C"].record_id, by_hand["SE|C"].notes) == (None, ())
    kept = deposition_result(deposition(STACK, stored), STACK, Origin(case="d", flags=("partial",)))
    assert kept.flags == ("partial", "debonded: 4 Å apart") and "r1" in [i.record_id for i in kept.inputs]


def test_file_and_options_make_one_stack(tmp_path):
    path = tmp_path / "stack.yaml"
    path.write_text(
        "electrolyte: SE\ninterlayer: C\ncollector: CC\nadhesions: {'SE,C': 60}\npressure_mpa: 5\n"
        "pores: {pore_nm: 31, porosity: 0.5, thickness_um: 10, current_ma_per_cm2: 1}\n"
    )
    spec = read_stack(path, {"pressure_mpa": 7.0, "pores": {"pore_nm": 100.0}, "adhesions": {"Li,C": 15.0}})
    stack = spec.stack(DEFAULT)
    assert stack.pressure_mpa == 7 and stack.pores.host.pore_nm == 100 and stack.pores.host.porosity == 0.5
    known = spec.given_over(Adhesions().given("C", "SE", 1.0, "stored"))
    assert known.between("SE", "C") == 60 and known.between("C", "Li") == 15


@pytest.mark.parametrize(("call", "message"), [
    (lambda: replace(STACK, pressure_mpa=-1.0), "pressure_mpa is -1.0"),
    (lambda: replace(STACK, area_per_li_a2=0.0), "area_per_li_a2 is 0.0"),
    (lambda: replace(STACK, contact=1.5), "contact is 1.5"),
    (lambda: replace(STACK, potential_v={"middle": 1.0}), "names the place 'middle'; places are electrolyte, "),
    (lambda: Pores(-1.0, HOST), "current_ma_per_cm2 is -1.0"),
    (lambda: Pores(1.0, HOST, filled=1.1), "filled is 1.1"),
    (lambda: contact_share(5, 0), "hardness_mpa is 0"),
    (lambda: Adhesions().given("A", "A", 1), "adhesion of A to itself"),
    (lambda: Adhesions().given("A", "B", float("nan")), r"adhesion A\|B is nan"),
    (lambda: read_stack(None, {"electrolyte": "A", "interlayer": "B"}), "collector: is missing"),
    (lambda: read_stack(None, {"electrolyte": "A", "interlayer": "B", "collector": "C", "x": 1}), "x: is no key"),
])  # fmt: skip
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
