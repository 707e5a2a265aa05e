"""What VASP is told: levels of theory and their identity, and whole INCAR, KPOINTS and POSCAR files."""

import os
import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bcc100, bulk, fcc111
from vasp_machine import geometry, request, set_up, write_potcars

from liface.documents import Geometry
from liface.engines.base import EngineSpec, ProgramEngine
from liface.engines.registry import available, engine_info, resolve
from liface.engines.vasp import pseudopotentials, setup_problems
from liface.engines.vasp.inputs import has_equal_faces, needs_dipole, plan
from liface.engines.vasp.presets import OWN_TAGS, RUN_TAGS, known_tags, level_of
from liface.engines.vasp.symbols import symbols_of
from liface.errors import CalculationError, EngineSetupError, UnknownEngineError

pytestmark = pytest.mark.filterwarnings("ignore:POTCAR data with symbol")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    set_up(monkeypatch, tmp_path)
    return tmp_path


def planned(atoms: Atoms | Geometry, spec: str = "vasp", **settings):
    return plan(request(atoms, spec, **settings), level_of(EngineSpec.parse(spec)))


def inputs(atoms: Atoms | Geometry, spec: str = "vasp", **settings):
    from liface.engines.vasp.makers import input_generator, structure_of

    made = planned(atoms, spec, **settings)
    return input_generator(made, level_of(EngineSpec.parse(spec))).get_input_set(structure_of(made))


def incar(atoms: Atoms | Geometry, spec: str = "vasp", **settings) -> list[str]:
    return str(inputs(atoms, spec, **settings)["INCAR"]).split("\n")[:-1]


def lithium() -> Atoms:
    return bulk("Li", "bcc", a=3.44, cubic=True)


def copper_with_lithium() -> Geometry:
    slab = fcc111("Cu", (1, 1, 4), a=3.63)
    slab += Atoms("Li", positions=[slab.positions[-1] + [0.0, 0.0, 2.4]])
    slab.cell[2] = [0.0, 0.0, 24.0]
    slab.pbc = True
    return geometry(slab, frozen=slab.positions[:, 2] < 3.0, roles=["substrate"] * 4 + ["adsorbate"])


def tungsten_lithium(tilt: float = 0.0) -> Atoms:
    """W and Li, four planes each, without vacuum and with a mirror plane in the middle of each."""
    lower, upper = bcc100("W", (1, 1, 5), a=3.17), bcc100("Li", (1, 1, 5), a=3.17)
    lower.positions[:, 2] -= lower.positions[0, 2]
    upper.positions[:, 2] += lower.positions[-1, 2] + 2.3 - upper.positions[0, 2]
    both = lower + upper
    both.set_cell([[3.17, 0, 0], [0, 3.17, 0], [tilt, 0, both.positions[-1, 2] + 2.3]])
    both.pbc = True
    return both


def lithium_sulfide() -> Atoms:
    """Three trilayers of Li2S(111) with equal faces."""
    a, h = 4.03, 3.29
    stacking = [[0.0, 0.0], [a / 2, a / np.sqrt(12)], [a, a / np.sqrt(3)]]
    symbols, positions = [], []
    for k in range(3):
        x, y = stacking[k]
        for symbol, site, dz in (("Li", -1, -0.82), ("S", 0, 0.0), ("Li", 1, 0.82)):
            symbols.append(symbol)
            positions.append([x + site * a / 2, y + site * a / np.sqrt(12), 10.0 + k * h + dz])
    cell = [[a, 0, 0], [a / 2, a * np.sqrt(3) / 2, 0], [0, 0, 28.0]]
    return Atoms(symbols, positions=positions, cell=cell, pbc=True)


# levels of theory


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("vasp", "vasp:slab"),
        ("vasp:wang2023", "vasp:slab?encut=400&kpts=4x4x4&potcars=standard"),
        ("vasp:wang2023", "vasp:WANG2023?kpts=4X4X4&xc=pbe"),
        ("vasp:slab", "vasp:wang2023?encut=520&kspacing=0.2&potcars=mp"),
        ("vasp", "vasp?incar_NCORE=8&incar_ALGO=Fast&relaxer=liface"),
        ("vasp", "vasp?potcar_Li=Li_sv&incar_lasph=.TRUE.&ediff=1e-06"),
        ("vasp?xc=r2SCAN", "vasp?metagga=R2SCAN"),
    ],
)
def test_equal_levels_have_equal_fingerprints_however_they_are_written(one, other):
    assert engine_info(one).fingerprint == engine_info(other).fingerprint


@pytest.mark.parametrize(
    "option",
    [
        *("encut=600", "kspacing=0.15", "kpts=4x4x4", "xc=PBEsol", "ismear=0", "sigma=0.1", "ediff=1e-7", "spin=true"),
        *("dipole=false", "potcars=standard", "potcar_Li=Li", "potcar_functional=PBE_64", "incar_IVDW=12"),
    ],
)
def test_what_decides_a_number_decides_the_identity(option):
    assert engine_info(f"vasp?{option}").fingerprint != engine_info("vasp").fingerprint


def test_all_resolved_values_are_in_the_options():
    info = engine_info("vasp:wang2023")
    assert info.label == "vasp:PBE"
    assert info.code_version == ""
    assert info.options == {
        "xc": "PBE",
        "encut": 400.0,
        "ediff": 1e-6,
        "kpts": "4x4x4",
        "ismear": "auto",
        "sigma": "auto",
        "spin": "auto",
        "dipole": "auto",
        "potcar_functional": "PBE_54",
        "potcars": "standard",
        "incar_LASPH": True,
        "incar_LREAL": False,
        "incar_PREC": "Accurate",
    }
    assert "wang2023" in info.trained_on


def test_a_level_is_described_without_vasp_pseudopotentials_or_pymatgen(tmp_path):
    script = (
        "import sys; from liface.engines import engine_info; print(engine_info('vasp:wang2023').fingerprint, "
        "*(m for m in ('pymatgen.core', 'atomate2.vasp', 'jobflow') if m in sys.modules))"
    )
    keep = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=keep)
    assert done.stdout.split() == [engine_info("vasp:wang2023").fingerprint]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("vasp:slabs", "known: slab, wang2023"),
        ("vasp?encutt=500", "did you mean encut"),
        ("vasp?colour=red", "known: xc, metagga, encut"),
        ("vasp?xc=LDA", "known: PBE, PBEsol, RPBE, r2SCAN"),
        ("vasp?encut=-5", "positive number in eV"),
        ("vasp?ismear=-5", "tetrahedron"),
        ("vasp?kpts=4x4", "4x4x4"),
        ("vasp?kpts=4x4x4&kspacing=0.2", "exclude each other"),
        ("vasp?spin=maybe", "true, false or auto"),
        ("vasp?potcar_Li=Na_pv", "potcar_Li=Li_sv"),
        ("vasp?potcar_functional=PBE_99", "PBE_54"),
        ("vasp?xc=r2SCAN&potcar_functional=PBE", "kinetic energy density"),
        ("vasp?incar_ENCUT=500", "write encut="),
        ("vasp?incar_MAGMOM=5", "differs from structure to structure"),
        ("vasp?incar_NSW=5", "settings of each calculation"),
        ("vasp?incar_LASHP=true", "did you mean LASPH"),
        ("vasp?incar_ALGO=None", "does not end self-consistent"),
        ("vasp?incar_ALGO=Eigenval", "write one of Normal, Fast, VeryFast, All"),
        ("vasp?incar_IALGO=2", "write incar_ALGO="),
    ],
)
def test_what_cannot_be_meant_is_refused(spec, said):
    with pytest.raises(UnknownEngineError, match=said.replace("?", r"\?")):
        engine_info(spec)


def test_the_tags_named_here_exist():
    assert len(known_tags()) > 300
    assert known_tags() >= RUN_TAGS | OWN_TAGS.keys()
    assert not RUN_TAGS & OWN_TAGS.keys()


def test_pseudopotentials_are_those_of_atomate2():
    from atomate2.vasp.sets.base import _BASE_VASP_SET

    assert symbols_of("mp") == _BASE_VASP_SET["POTCAR"]
    assert _BASE_VASP_SET["POTCAR_FUNCTIONAL"] == level_of(EngineSpec.parse("vasp")).potcar_functional
    assert {level_of(EngineSpec.parse("vasp:wang2023")).symbol(e) for e in ("Li", "Cu", "Te")} == {"Li", "Cu", "Te"}


def test_the_registry_knows_vasp(machine):
    row = next(row for row in available() if row["name"] == "vasp")
    assert row["models"] == ["slab", "wang2023"]
    assert row["installed"]
    engine = resolve("vasp")
    assert isinstance(engine, ProgramEngine)
    assert engine.info == engine_info("vasp")


# whole input files


def test_bulk_lithium_relaxes_its_cell(machine):
    files = inputs(lithium(), cell="full", max_force_calls=60)
    assert str(files["INCAR"]).split("\n") == [
        "ALGO = Normal",
        "EDIFF = 1e-06",
        "EDIFFG = -0.00407076",  # 0.02 eV/Å × 20.35 Å³ per atom / 100 Å²
        "ENCUT = 520.0",
        "GGA = Pe",
        "IBRION = 2",
        "ISIF = 3",
        "ISMEAR = 1",
        "ISPIN = 1",
        "LASPH = True",
        "LCHARG = False",
        "LREAL = False",
        "LWAVE = False",
        "NELM = 200",
        "NELMIN = 6",
        "NSW = 60",
        "PREC = Accurate",
        "SIGMA = 0.2",
        "",
    ]
    assert str(files["KPOINTS"]).split("\n")[1:] == ["0", "Gamma", "10 10 10", ""]
    assert str(files["POSCAR"]).split("\n") == [
        "Li2",
        "1.0",
        "   3.4399999999999999    0.0000000000000000    0.0000000000000000",
        "   0.0000000000000000    3.4399999999999999    0.0000000000000000",
        "   0.0000000000000000    0.0000000000000000    3.4399999999999999",
        "Li",
        "2",
        "direct",
        "   0.0000000000000000    0.0000000000000000    0.0000000000000000 Li",
        "   0.5000000000000000    0.5000000000000000    0.5000000000000000 Li",
        "",
    ]
    assert [single.TITEL for single in files["POTCAR"]] == ["PAW_PBE Li_sv 01Jan2000"]


def test_an_asymmetric_slab_has_frozen_atoms_and_a_dipole_correction(machine):
    files = inputs(copper_with_lithium(), fmax_ev_per_a=0.03)
    assert str(files["INCAR"]).split("\n")[:-1] == [
        "ALGO = Normal",
        "DIPOL = 0.5 0.5 0.180986",  # half of 6.29 Å of three planes of copper and 2.4 Å of lithium
        "EDIFF = 1e-06",
        "EDIFFG = -0.03",
        "ENCUT = 520.0",
        "GGA = Pe",
        "IBRION = 2",
        "IDIPOL = 3",
        "ISIF = 2",
        "ISMEAR = 1",
        "ISPIN = 1",
        "LASPH = True",
        "LCHARG = False",
        "LDIPOL = True",
        "LMAXMIX = 4",
        "LREAL = False",
        "LWAVE = False",
        "NELM = 200",
        "NELMIN = 6",
        "NSW = 200",
        "PREC = Accurate",
        "SIGMA = 0.2",
    ]
    assert str(files["KPOINTS"]).split("\n")[1:] == ["0", "Gamma", "15 15 1", ""]
    lines = str(files["POSCAR"]).split("\n")
    assert lines[5:9] == ["Cu Li", "4 1", "Selective dynamics", "direct"]
    assert [line.split()[3:] for line in lines[9:14]] == [
        *[["F", "F", "F", "Cu"]] * 2,
        *[["T", "T", "T", "Cu"]] * 2,
        ["T", "T", "T", "Li"],
    ]
    assert files["POTCAR"].symbols == ["Cu", "Li_sv"]


def test_the_wang2023_preset_on_the_same_slab(machine):
    files = inputs(copper_with_lithium(), "vasp:wang2023", fmax_ev_per_a=0.01)
    tags = dict(line.split(" = ") for line in str(files["INCAR"]).split("\n")[:-1])
    assert (tags["ENCUT"], tags["EDIFF"], tags["EDIFFG"], tags["GGA"]) == ("400.0", "1e-06", "-0.01", "Pe")
    assert files["KPOINTS"].kpts == [(4, 4, 1)]
    assert files["POTCAR"].symbols == ["Cu", "Li"]
    assert inputs(lithium(), "vasp:wang2023", cell="full")["KPOINTS"].kpts == [(4, 4, 4)]


def test_a_symmetric_sandwich_moves_along_the_normal_and_keeps_its_in_plane_cell(machine):
    files = inputs(tungsten_lithium(), "vasp?relaxer=vasp", cell="c_axis", move="normal")
    assert str(files["INCAR"]).split("\n")[:-1] == [
        "ALGO = Normal",
        "EDIFF = 1e-06",
        "EDIFFG = -0.0034729",  # 17.36 Å³ per atom
        "ENCUT = 520.0",
        "GGA = Pe",
        "IBRION = 2",
        "ISIF = 3",
        "ISMEAR = 1",
        "ISPIN = 1",
        "LASPH = True",
        "LATTICE_CONSTRAINTS = False False True",
        "LCHARG = False",
        "LMAXMIX = 6",
        "LREAL = False",
        "LWAVE = False",
        "NELM = 200",
        "NELMIN = 6",
        "NSW = 200",
        "PREC = Accurate",
        "SIGMA = 0.2",
    ]
    assert files["KPOINTS"].kpts == [(10, 10, 2)]
    lines = str(files["POSCAR"]).split("\n")
    assert lines[5:9] == ["Li W", "5 5", "Selective dynamics", "direct"]
    assert all(line.split()[3:6] == ["F", "F", "T"] for line in lines[9:19])
    assert files["POTCAR"].symbols == ["Li_sv", "W_sv"]


def test_a_chromium_slab_starts_antiferromagnetic(machine):
    tags = incar(bcc100("Cr", (1, 1, 4), a=2.85, vacuum=8), task="static")
    assert tags == [
        "ALGO = Normal",
        "EDIFF = 1e-06",
        "ENCUT = 520.0",
        "GGA = Pe",
        "IBRION = -1",
        "ISIF = 2",
        "ISMEAR = 1",
        "ISPIN = 2",
        "LASPH = True",
        "LCHARG = False",
        "LMAXMIX = 4",
        "LORBIT = 11",
        "LREAL = False",
        "LWAVE = False",
        "MAGMOM = 1*2.0 1*-2.0 1*2.0 1*-2.0",
        "NELM = 200",
        "NELMIN = 4",
        "NSW = 0",
        "PREC = Accurate",
        "SIGMA = 0.2",
    ]


def test_moments_follow_the_order_of_poscar(machine):
    slab = bcc100("Cr", (2, 2, 4), a=2.85, vacuum=8)
    slab += Atoms("Li", positions=[slab.positions[-1] + [0, 0, 2.4]])
    shuffled = slab[np.random.default_rng(1).permutation(len(slab))]
    files = inputs(shuffled, task="static")
    structure, moments = files["POSCAR"].structure, files["INCAR"]["MAGMOM"]
    heights = structure.cart_coords[:, 2].round(3)
    by_plane = [{m for m, h in zip(moments, heights, strict=True) if h == z} for z in sorted(set(heights))]
    assert [plane.pop() for plane in by_plane] in ([2, -2, 2, -2, 0], [-2, 2, -2, 2, 0])


def test_an_insulator_is_smeared_as_one(machine):
    tags = incar(lithium_sulfide(), fmax_ev_per_a=0.03)
    assert {"ISMEAR = 0", "SIGMA = 0.05", "ISPIN = 1"} <= set(tags)
    assert not [tag for tag in tags if "DIPOL" in tag]  # equal faces
    assert inputs(lithium_sulfide())["POTCAR"].symbols == ["Li_sv", "S"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_supercells_keep_the_density_of_k_points(n):
    cell = bulk("Cu", "fcc", a=3.6, cubic=True)
    one, many = planned(cell).mesh, planned(cell.repeat((n, 1, 1))).mesh
    assert one == (9, 9, 9)
    assert many == (int(np.ceil(9 / n)), 9, 9)


def test_options_reach_the_tags(machine):
    spec = (
        "vasp?xc=r2SCAN&encut=680&ismear=2&sigma=0.1&spin=true&incar_IVDW=12&incar_NCORE=4&incar_ALGO=Fast&dipole=false"
    )
    tags = incar(copper_with_lithium(), spec)
    wanted = {"METAGGA = R2scan", "ENCUT = 680.0", "ISMEAR = 2", "SIGMA = 0.1", "ISPIN = 2", "IVDW = 12", "NCORE = 4"}
    assert wanted | {"ALGO = Fast", "MAGMOM = 5*0.6"} <= set(tags)
    assert not [tag for tag in tags if tag.startswith(("GGA", "LDIPOL", "DIPOL"))]


def test_tags_of_the_site_give_way_to_those_asked_for(machine):
    from liface.engines.vasp.makers import input_generator, structure_of

    made, level = planned(lithium()), level_of(EngineSpec.parse("vasp?incar_NCORE=2"))
    files = input_generator(made, level, {"NCORE": 8, "KPAR": 4}).get_input_set(structure_of(made))
    assert (files["INCAR"]["NCORE"], files["INCAR"]["KPAR"]) == (2, 4)


# plans


def test_the_height_of_a_cell_is_left_to_vasp_only_where_somebody_says_so():
    """VASP before 6.5 would relax the whole cell, and its version is not known here."""
    assert planned(tungsten_lithium(), cell="c_axis", move="normal").relaxer == "liface"
    assert planned(lithium(), cell="c_axis").relaxer == "liface"
    assert planned(lithium(), "vasp?relaxer=vasp", cell="c_axis").relaxer == "vasp"
    assert planned(lithium(), cell="full").relaxer == planned(lithium()).relaxer == "vasp"
    assert planned(lithium(), cell="c_axis", task="static").relaxer == "none"


def test_a_tilted_cell_is_relaxed_along_its_normal_by_liface():
    assert planned(tungsten_lithium(0.8), move="normal").relaxer == "liface"
    assert planned(tungsten_lithium(), move="normal").relaxer == "vasp"
    own = "vasp?relaxer=vasp"
    assert planned(tungsten_lithium(0.8), own, cell="c_axis").relaxer == "vasp"  # the stress alone is told apart
    assert planned(tungsten_lithium(), "vasp?relaxer=liface").relaxer == "liface"
    with pytest.raises(CalculationError, match="tilted third vector"):
        planned(tungsten_lithium(0.8), "vasp?relaxer=vasp", cell="c_axis", move="normal")


def test_a_height_that_stands_otherwise_is_not_for_vasp():
    turned = tungsten_lithium()
    turned.rotate(90, "x", rotate_cell=True)
    assert planned(turned, move="normal").relaxer == "vasp"
    with pytest.raises(CalculationError, match="not in the xy plane"):
        planned(turned, "vasp?relaxer=vasp", cell="c_axis")


def test_nothing_that_may_move_is_a_single_point():
    slab = copper_with_lithium()
    assert planned(slab.model_copy(update={"frozen": (True,) * 5})).incar["NSW"] == 0


def test_faces_are_told_apart():
    clean = fcc111("Cu", (1, 1, 4), a=3.63, vacuum=8)
    assert has_equal_faces(geometry(clean))
    assert not needs_dipole(geometry(clean))
    assert needs_dipole(copper_with_lithium())
    assert not needs_dipole(geometry(tungsten_lithium()))
    assert planned(clean, "vasp?dipole=true").incar["LDIPOL"]
    assert "LDIPOL" not in planned(tungsten_lithium(), "vasp?dipole=true").incar  # no vacuum to put the step in


def test_a_slab_with_a_frozen_half_is_corrected_before_and_after_it_is_relaxed():
    """One request must not be computed in two ways, depending on where it starts."""
    clean = fcc111("Cu", (1, 1, 5), a=3.63, vacuum=8)
    z = clean.positions[:, 2]
    half = geometry(clean, frozen=z < z.min() + 3)
    assert not has_equal_faces(half)
    relaxed = half.with_positions(half.position_array - np.outer(z > z.max() - 1, [0, 0, 0.05]))
    assert planned(half).incar.keys() == planned(relaxed).incar.keys() >= {"LDIPOL", "DIPOL"}
    assert has_equal_faces(geometry(clean, frozen=abs(z - z.mean()) < 1))  # what is frozen is as symmetric


def test_a_spacing_that_needs_too_many_k_points_fails_the_structure():
    with pytest.raises(CalculationError, match="is it in Å⁻¹"):
        planned(lithium(), "vasp?kspacing=0.01")


def test_the_step_of_the_potential_lies_in_the_vacuum_wherever_the_slab_is():
    slab = copper_with_lithium()
    middle = planned(slab).incar["DIPOL"][2]
    moved = slab.with_positions(slab.position_array + np.array([0.0, 0.0, 20.0]))
    assert planned(moved).incar["DIPOL"][2] == pytest.approx((middle + 20 / 24) % 1, abs=1e-5)


@pytest.mark.parametrize(
    ("atoms", "said"),
    [
        (Atoms("Li2", positions=[[0, 0, 0], [0, 0, 0.2]], cell=[4, 4, 4], pbc=True), "0.20 Å apart"),
        (Atoms(cell=[4, 4, 4], pbc=True), "no atoms"),
        (Atoms("Li", cell=[[4, 0, 0], [0, 4, 0], [0, 0, -4]], pbc=True), "left-handed"),
        (Atoms("Li", positions=[[0, 0, np.nan]], cell=[4, 4, 4], pbc=True), "not finite"),
    ],
)
def test_structures_that_are_none_are_refused(atoms, said):
    with pytest.raises(CalculationError, match=said):
        plan(request(lithium()).model_copy(update={"geometry": geometry(atoms)}), level_of(EngineSpec.parse("vasp")))


# checks before a run


def test_poscar_and_potcar_are_checked(machine):
    from liface.engines.vasp.makers import check_inputs, input_generator, structure_of

    made, level = planned(copper_with_lithium()), level_of(EngineSpec.parse("vasp"))
    structure = structure_of(made)
    files = input_generator(made, level).get_input_set(structure)
    check_inputs(files, structure)
    other = structure.copy()
    other.translate_sites([0], [0, 0, 1e-7], frac_coords=False)
    with pytest.raises(EngineSetupError, match="POSCAR is off by"):
        check_inputs(files, other)
    reversed_potcar = {**files, "POTCAR": type(files["POTCAR"])(["Li_sv", "Cu"], functional="PBE_54")}
    with pytest.raises(EngineSetupError, match="POTCAR lists Li Cu, POSCAR Cu Li"):
        check_inputs(reversed_potcar, structure)


def test_wrong_values_of_tags_are_told_before_a_run(machine):
    with pytest.raises(EngineSetupError, match="PREC"):
        inputs(lithium(), "vasp?incar_PREC=Acurate")


def test_a_machine_with_everything_has_no_problems(machine):
    assert setup_problems(["Li", "Cu"]) == []
    copper, lithium = pseudopotentials(["Li", "Cu", "Li"])
    assert (copper.symbol, copper.zval, copper.recognised) == ("Cu", 11.0, False)
    assert (lithium.title, lithium.enmax_ev, len(lithium.sha256)) == ("PAW_PBE Li_sv 01Jan2000", 499.034, 64)


def test_what_a_machine_lacks_is_told_at_once(machine, monkeypatch):
    monkeypatch.setenv("ATOMATE2_VASP_CMD", "mpirun -np 4 no_such_vasp")
    said = "; ".join(setup_problems(["Li", "Zr"]))
    assert "'no_such_vasp'" in said
    assert "ATOMATE2_VASP_CMD" in said
    assert "no POTCAR Zr_sv of PBE_54" in said
    assert "Li_sv" not in said


def test_the_folder_of_the_pseudopotentials_must_be_known(machine, monkeypatch):
    from pymatgen.core import SETTINGS

    monkeypatch.delitem(SETTINGS, "PMG_VASP_PSP_DIR")
    assert ["set PMG_VASP_PSP_DIR" in problem for problem in setup_problems(["Li"])] == [True]
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(machine / "nowhere"))
    assert "is no folder" in setup_problems(["Li"])[0]


def test_a_cutoff_below_that_of_a_pseudopotential_is_a_problem(machine):
    assert "ENCUT 400 eV is below the 499.034 eV that POTCAR Li_sv needs" in setup_problems(["Li"], "vasp?encut=400")[0]
    assert setup_problems(["Li"], "vasp:wang2023") == []


def test_a_file_with_another_potential_in_it_is_a_problem(machine):
    folder = machine / "potcars" / "POT_GGA_PAW_PBE_54"
    (folder / "POTCAR.Cu").write_text((folder / "POTCAR.Li").read_text())
    assert "holds another potential: 'PAW_PBE Li 01Jan2000'" in setup_problems(["Cu"])[0]
    (folder / "POTCAR.Cu").write_text("not a pseudopotential")
    assert "cannot be read" in setup_problems(["Cu"])[0]


def test_tags_of_the_site_may_not_change_the_level_of_theory(machine):
    (machine / "atomate2.yaml").write_text("VASP_INCAR_UPDATES: {NCORE: 4, ENCUT: 300}\n")
    (problem,) = setup_problems(["Li"])
    assert "sets ENCUT" in problem
    assert "NCORE" not in problem
    (machine / "atomate2.yaml").write_text("VASP_INCAR_UPDATES: {ALGO: G0W0}\n")
    assert ["sets ALGO: G0W0 does not end" in problem for problem in setup_problems(["Li"])] == [True]
    (machine / "atomate2.yaml").write_text("VASP_INCAR_UPDATES: {ALGO: fast}\n")
    assert setup_problems(["Li"]) == []


def test_vasp_may_not_run_where_a_killed_run_leaves_nothing(machine, monkeypatch):
    monkeypatch.setenv("ATOMATE2_CUSTODIAN_SCRATCH_DIR", str(machine))
    (problem,) = setup_problems(["Li"])
    assert f"CUSTODIAN_SCRATCH_DIR={machine}" in problem


def test_another_release_of_pseudopotentials_is_looked_for_where_it_belongs(machine):
    assert "POT_PAW_PBE_64/POTCAR.Li_sv" in setup_problems(["Li"], "vasp?potcar_functional=PBE_64")[0]
    write_potcars(machine / "potcars", ("Li_sv",))
    (machine / "potcars" / "POT_PAW_PBE_64").mkdir()
    source = machine / "potcars" / "POT_GGA_PAW_PBE_54" / "POTCAR.Li_sv"
    (machine / "potcars" / "POT_PAW_PBE_64" / "POTCAR.Li_sv").write_text(source.read_text())
    assert setup_problems(["Li"], "vasp?potcar_functional=PBE_64") == []
