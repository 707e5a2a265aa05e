"""Names, hashes and errors of engines."""

import hashlib
import json
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from liface.engines import EngineSpec, available, engine_info, resolve
from liface.engines import registry as registry_module
from liface.errors import MissingExtraError, UnknownEngineError

needs_sevenn = pytest.mark.skipif(find_spec("sevenn") is None, reason="sevenn is not installed")
needs_chgnet = pytest.mark.skipif(find_spec("chgnet") is None, reason="chgnet is not installed")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("sevennet", {"name": "sevennet"}),
        ("SevenNet:7net-0", {"name": "sevennet", "model": "7net-0"}),
        ("sevennet:/data/mine.pth", {"name": "sevennet", "checkpoint": "/data/mine.pth"}),
        ("chgnet:mine.pth.tar", {"name": "chgnet", "checkpoint": "mine.pth.tar"}),
        ("ase:foo.bar.Model", {"name": "ase", "model": "foo.bar.Model"}),
        ("atomate2:MACE:/m.model", {"name": "atomate2", "model": "MACE", "checkpoint": "/m.model"}),
        (
            "ase:ase.calculators.lj.LennardJones?sigma=2.5&smooth=true&name=a",
            {
                "name": "ase",
                "model": "ase.calculators.lj.LennardJones",
                "options": (("name", "a"), ("sigma", 2.5), ("smooth", True)),
            },
        ),
    ],
)
def test_parse(text, fields):
    spec = EngineSpec.parse(text)
    assert spec == EngineSpec(**fields)
    assert EngineSpec.parse(str(spec)) == spec


@pytest.mark.parametrize("text", ["", ":7net-0", "emt?asap_cutoff"])
def test_parse_refuses(text):
    with pytest.raises(UnknownEngineError):
        EngineSpec.parse(text)


def test_spec_survives_json_pickle_and_monty():
    from monty.json import MontyDecoder, MontyEncoder

    spec = EngineSpec.parse("ase:ase.calculators.lj.LennardJones?sigma=2.5&smooth=true")
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert hash(EngineSpec.from_dict(json.loads(json.dumps(spec.as_dict())))) == hash(spec)
    assert MontyDecoder().decode(json.dumps(spec, cls=MontyEncoder)) == spec
    assert MontyDecoder().process_decoded(spec.as_dict()) == spec


@needs_sevenn
def test_weights_hash_is_that_of_the_file():
    root = Path(find_spec("sevenn").submodule_search_locations[0])
    file = root / "pretrained_potentials/SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth"
    info = engine_info("sevennet")
    assert info.weights_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert info == engine_info("sevennet:SevenNet-0")
    assert info.label == "sevennet:7net-0"
    assert info.fingerprint != engine_info("sevennet:7net-l3i5").fingerprint


@needs_sevenn
def test_modal_is_part_of_the_identity():
    default = engine_info("sevennet:7net-mf-0")
    assert default.options == {"modal": "PBE"}
    assert default.fingerprint != engine_info("sevennet:7net-mf-0?modal=R2SCAN").fingerprint


@needs_chgnet
def test_a_copied_checkpoint_has_the_hash_of_the_original(tmp_path):
    root = Path(find_spec("chgnet").submodule_search_locations[0])
    original = next((root / "pretrained/0.3.0").glob("*.pth.tar"))
    copy = tmp_path / "mine.pth.tar"
    copy.write_bytes(original.read_bytes())
    info = engine_info(f"chgnet:{copy}")
    assert info.weights_sha256 == engine_info("chgnet").weights_sha256
    assert info.model == "mine.pth.tar"
    copy.write_bytes(original.read_bytes()[:-1])
    assert engine_info(f"chgnet:{copy}").weights_sha256 != info.weights_sha256


def test_device_is_not_part_of_the_identity(tmp_path):
    weights = tmp_path / "w.pth"
    weights.write_bytes(b"weights")
    text = f"ase:ase.calculators.emt.EMT:{weights}"
    assert engine_info(f"{text}?device=cuda").fingerprint == engine_info(text).fingerprint
    assert engine_info(f"{text}?a=1").fingerprint != engine_info(text).fingerprint


def test_info_imports_no_torch():
    code = (
        "import sys; from liface.engines import engine_info, available; available();"
        "[engine_info(n) for n in ('emt', 'morse', *sys.argv[1:])];"
        "assert not {'torch', 'ase', 'sevenn', 'chgnet', 'pymatgen'} & set(sys.modules), 'heavy import'"
    )
    installed = [n for n, p in (("sevennet", "sevenn"), ("chgnet", "chgnet")) if find_spec(p)]
    subprocess.run([sys.executable, "-c", code, *installed], check=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sevenet", "did you mean sevennet"),
        ("dftb", "known: sevennet, chgnet, gpaw, vasp, emt, morse, ase, atomate2"),
        ("emt:0.3.0", "known: ase"),
        ("chgnet:/no/such/file.pth.tar", "does not exist"),
        ("sevennet:/no/such/file.pth", "does not exist"),
        ("ase", "package.module.Class"),
        ("ase:EMT", "package.module.Class"),
        ("ase:no_such_package.Calc", "no_such_package"),
    ],
)
def test_unknown_engines(text, words):
    name = text.partition(":")[0]
    package = {"sevennet": "sevenn", "chgnet": "chgnet"}.get(name)
    if package and find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    with pytest.raises(UnknownEngineError, match=words.replace(".", r"\.")):
        engine_info(text)


@needs_sevenn
def test_unknown_model_lists_what_exists():
    with pytest.raises(UnknownEngineError, match="did you mean 7net-l3i5"):
        engine_info("sevennet:7net-l3i6")
    with pytest.raises(UnknownEngineError, match="not on this machine"):
        engine_info("sevennet:7net-omni")


@pytest.mark.parametrize("text", ["ase:ase.calculators.emt.NoSuchClass", "ase:ase.no_such_module.Calc"])
def test_missing_classes_are_found_out_by_resolve(text):
    with pytest.raises(UnknownEngineError, match="cannot be imported"):
        resolve(text)


def test_unknown_atomate2_force_field():
    with pytest.raises(UnknownEngineError, match="MACE"):
        resolve("atomate2:NoSuchField")


@pytest.mark.parametrize("text", ["emt?no_such_option=1", "morse?depth=2"])
def test_unknown_options(text):
    with pytest.raises(UnknownEngineError, match="no option"):
        resolve(text)


def test_ase_calculator_that_cannot_start():
    with pytest.raises(UnknownEngineError, match="cannot be loaded"):
        resolve("ase:ase.calculators.mixing.LinearCombinationCalculator").calculator(needs_stress=False)


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(registry_module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"liface\[sevennet\]"):
        engine_info("sevennet")
    assert {row["name"]: row["installed"] for row in available()}["chgnet"] is False


@pytest.mark.parametrize("content", [b"", b"not a model"])
@needs_chgnet
def test_damaged_checkpoint(tmp_path, content):
    file = tmp_path / "broken.pth.tar"
    file.write_bytes(content)
    with pytest.raises(UnknownEngineError, match=r"broken\.pth\.tar"):
        resolve(f"chgnet:{file}").calculator(needs_stress=False)


def test_engines_are_kept():
    assert resolve("emt") is resolve(EngineSpec(name="emt"))


def test_available_names_models():
    rows = {row["name"]: row for row in available()}
    assert set(rows) == {"sevennet", "chgnet", "gpaw", "vasp", "emt", "morse", "ase", "atomate2"}
    if find_spec("sevenn"):
        assert "7net-0" in rows["sevennet"]["models"]
        assert rows["sevennet"]["default"] == "7net-0"
