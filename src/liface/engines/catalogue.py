"""The models that ship inside their packages: where the weights are, and what they were trained on."""

from __future__ import annotations

from dataclasses import dataclass, field

MPTRJ = "MPtrj (PBE, PBE+U for Co Cr Fe Mn Mo Ni V W oxides and fluorides)"


@dataclass(frozen=True)
class Model:
    """A named model of a package.

    ``file`` is relative to the package; ``cache`` is where the package itself would put a download.
    """

    file: str
    trained_on: str
    note: str = ""
    cache: str = ""
    options: dict[str, str] = field(default_factory=dict)
    """Options that this model needs, with their defaults."""


@dataclass(frozen=True)
class Family:
    """Models of one package."""

    package: str
    extra: str
    default: str
    models: dict[str, Model]
    aliases: dict[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    """Distributions whose versions are worth storing."""
    same_numbers: frozenset[str] = frozenset(("device", "batch"))
    """Options that change how a number is computed, not which one; rounding aside."""


def _sevennet(folder: str, file: str, trained_on: str, note: str = "", modal: str = "") -> Model:
    path = f"{folder}/checkpoint_{file}.pth"
    return Model(
        file=f"pretrained_potentials/{path}",
        cache=f"~/.cache/sevennet/{path}",
        trained_on=trained_on,
        note=note,
        options={"modal": modal} if modal else {},
    )


SEVENNET = Family(
    package="sevenn",
    extra="sevennet",
    default="7net-0",
    packages=("sevenn", "torch", "e3nn", "numba"),
    same_numbers=frozenset(("device", "kernel", "batch")),
    models={
        "7net-0": _sevennet("SevenNet_0__11Jul2024", "sevennet_0", MPTRJ, "default; 11 July 2024"),
        "7net-0_22may2024": _sevennet("SevenNet_0__22May2024", "sevennet_0", MPTRJ, "superseded"),
        "7net-l3i5": _sevennet("SevenNet_l3i5", "l3i5", MPTRJ, "2 to 3 times slower; second opinion"),
        "7net-mf-0": _sevennet(
            "SevenNet_MF_0",
            "sevennet_mf_0",
            f"{MPTRJ} and r2SCAN; the modal chooses",
            "several levels of theory",
            "PBE",
        ),
        "7net-mf-ompa": _sevennet("SevenNet_MF_ompa", "sevennet_mf_ompa", "OMat24, MPtrj, sAlex", "not shipped", "mpa"),
        "7net-omat": _sevennet("SevenNet_omat", "sevennet_omat", "OMat24 (PBE, PBE+U)", "not shipped"),
        "7net-omni": _sevennet(
            "SevenNet_omni", "sevennet_omni", "several data sets; the modal chooses", "not shipped", "mpa"
        ),
    },
    aliases={
        "7net-0_11jul2024": "7net-0",
        "sevennet-0": "7net-0",
        "sevennet-l3i5": "7net-l3i5",
        "sevennet-mf-0": "7net-mf-0",
        "sevennet-mf-ompa": "7net-mf-ompa",
        "sevennet-omat": "7net-omat",
        "sevennet-omni": "7net-omni",
    },
)

CHGNET = Family(
    package="chgnet",
    extra="chgnet",
    default="0.3.0",
    packages=("chgnet", "torch"),
    models={
        "0.3.0": Model("pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar", MPTRJ, "default"),
        "0.2.0": Model("pretrained/0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar", MPTRJ, "superseded"),
        "r2scan": Model(
            "pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
            "MPtrj (PBE, PBE+U), then MP-r2SCAN by transfer learning",
            "r2SCAN energies",
        ),
    },
)

FAMILIES = {"sevennet": SEVENNET, "chgnet": CHGNET}
