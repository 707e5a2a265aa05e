"""A results database with something of everything, and the page served on a free port in a thread."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import database_factories as make

from liface.cli.asking import SHOWN
from liface.database import Database
from liface.documents import FilmPoint, LineFit, ScanPoint

GAMMAS = {"W": 97.25, "Cr": 95.0, "Mo": 61.5, "Ti": 22.0, "Zr": 11.0}


def fitted(substrate: str, gamma: float, **changes: Any) -> Any:
    """An interface whose points, fits and residuals belong together; the thinnest film was left out."""
    slope, off = 0.2, (0.5, -1.0, 0.5)
    fit = LineFit(
        intercept_mev_per_a2=gamma, stderr_mev_per_a2=0.4, slope_mev_per_a2_per_li=slope, r_squared=0.99,
        residuals_mev_per_a2=off,
    )  # fmt: skip
    points = tuple(
        FilmPoint(
            n_planes=n, n_li=3 * n, n_atoms=12 + 3 * n, energy_ev=-30.0 - n,
            gamma_mev_per_a2=gamma + slope * 3 * n + (9.0 if n == 3 else off[n - 5]), converged=True,
            calc_id=make.calculation(n).calc_id,
        )
        for n in (3, 5, 6, 7)
    )  # fmt: skip
    scan = tuple(
        ScanPoint(kind=kind, gap_a=gap, shift=shift, gamma_mev_per_a2=gamma + value, calc_id="0" * 32)
        for kind, gap, shift, value in (
            ("gap", 2.0, (0.0, 0.0), 9.0), ("gap", 2.3, (0.0, 0.0), 5.0), ("registry", 2.3, (0.0, 0.0), 5.0),
            ("registry", 2.3, (0.0, 0.5), 1.0), ("registry", 2.3, (0.5, 0.5), 3.0),
        )
    )  # fmt: skip
    values = {"points": points, "free_fit": fit, "fixed_fit": fit, "gamma_free_mev_per_a2": gamma, "scan": scan,
              "gap_a": 2.3}  # fmt: skip
    ids = tuple(make.calculation(n).calc_id for n in range(1, 8))
    values["provenance"] = make.provenance(case=f"interface/{substrate}", calc_ids=ids)
    return make.interface(substrate, gamma=gamma, **{**values, **changes})


def fill(path: Path) -> Path:
    """Store every kind, several interfaces by two engines, parts of a wetting, and failures."""
    calculations = [make.calculation(n) for n in range(1, 9)]
    failed = [make.calculation(20, "failed"), make.calculation(21, "unconverged")]
    ids = [calculation.calc_id for calculation in calculations]
    interfaces = [fitted(name, gamma) for name, gamma in GAMMAS.items()]
    interfaces.append(fitted("W", 91.0, engine=make.OTHER))
    interfaces.append(fitted("Li2S", -4.0, flags=("reactive: γ < 0", "nonlinear")))
    surface = make.surface("W", "110", provenance=make.provenance(case="surface/W", calc_ids=(ids[7],)))
    wetting = make.wetting(film_plane="100", provenance=make.provenance(case="wetting/W", calc_ids=tuple(ids)))
    case = make.finished_case(
        interfaces, case_id="made-up-1", calc_ids=tuple(ids + [one.calc_id for one in failed]),
    )  # fmt: skip
    with Database(path) as database:
        for document in [*calculations, *failed]:
            database.add_calculation(document)
        database.commit_case(case, interfaces)
        for result in (*make.all_results(campaign="every-kind"), surface, wetting):
            database.add_result(result)
        database.add_case(make.failed_case("made-up-2", case="interface/Ag"))
        database.add_run(make.run())
        database.add_literature([make.literature_value()])
    return path


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))

    @property
    def error(self) -> str:
        return self.json["error"]


@dataclass
class Site:
    """The page at its address."""

    url: str
    database: Database
    _stop: Any = field(repr=False, default=None)

    def get(self, path: str, method: str = "GET", data: bytes | None = None, **headers: str) -> Answer:
        asked = urllib.request.Request(
            self.url + path.lstrip("/"), data, {k.replace("_", "-"): v for k, v in headers.items()}, method=method
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return Answer(answer.status, dict(answer.headers.items()), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers.items()), error.read())

    def json(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status == 200, answer.body
        assert answer.headers["content-type"] == "application/json"
        return answer.json


class Served:
    """Serve a database inside the block."""

    def __init__(self, path: Path, **options: Any):
        self.path, self.options = path, options

    def __enter__(self) -> Site:
        from liface.serve.app import page_app
        from liface.serve.server import address_of, listen, server_of

        self.database = Database(self.path, read_only=True)
        self.listening = listen("127.0.0.1", 0)
        self.server = server_of(page_app(self.database, SHOWN, **self.options))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]}, daemon=True)
        self.thread.start()
        until = time.monotonic() + 60
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.01)
        return Site(address_of(self.listening), self.database)

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(30)
        self.listening.close()
        self.database.close()
