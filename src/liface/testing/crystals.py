"""``python -m liface.testing.crystals`` writes ``expanded.json``, the cells of the shipped materials with all atoms."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from liface.structures.library import catalogue
from liface.structures.library.material import EXPANDED, expand, identity


def expanded_text() -> str:
    """Return what the file must hold: one line per material."""
    rows = []
    for name in sorted(catalogue.builtin_names()):
        material = catalogue.load(name)
        cell = expand(material)
        entry = {
            "of": identity(material),
            "lattice": cell.lattice.matrix.tolist(),
            "species": [str(site.specie.symbol) for site in cell],
            "frac_coords": cell.frac_coords.tolist(),
        }
        rows.append(f" {json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


if __name__ == "__main__":
    folder = Path(str(resources.files("liface.structures.library"))) / "data"
    (folder / EXPANDED).write_text(expanded_text(), encoding="utf-8")
