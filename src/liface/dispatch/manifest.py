"""A campaign with everything it was computed with and everything that came of it, as one document."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from liface import __version__
from liface.database import Database
from liface.database.columns import RESULT_NOUNS, Noun
from liface.database.filters import within_campaign
from liface.dispatch.machine import machine, packages
from liface.dispatch.phases import cases_now, phase
from liface.documents import (
    CalculationDocument,
    CalculationSettings,
    CaseDocument,
    EngineInfo,
    Geometry,
    ResultDocument,
    RunCalculation,
    RunCase,
    RunDocument,
    RunEngine,
    RunFile,
    RunRecord,
    RunSeed,
    content_hash,
)
from liface.engines.registry import engine_info
from liface.errors import CampaignError
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import GrowthEntry

DERIVED = ("growth", "wetting", "morphology", "deposition", "creep", "stability", "verdict")
"""Kinds that no case lists: they are derived from the results of all of them."""

ABOUT = {
    "record_id", "created_at", "liface_version", "engine", "model", "engine_fingerprint", "campaign", "case",
    "screened_by", "converged", "sweep_id",
}  # fmt: skip
"""Columns of a result that name it, or say where it is from; all others are compared."""

CHUNK = 200
"""Calculations read at once; each may hold a thousand atoms."""

Dispatcher = Literal["local", "fireworks", "remote", "database"]


@dataclass
class Outcome:
    """What came of some cases: the parts of a run that are read from the database."""

    cases: tuple[RunCase, ...] = ()
    calculations: tuple[RunCalculation, ...] = ()
    records: tuple[RunRecord, ...] = ()
    settings: dict[str, CalculationSettings] = field(default_factory=dict)
    column_units: dict[str, str] = field(default_factory=dict)
    computed_with: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outside: tuple[str, ...] = ()

    def as_fields(self) -> dict[str, Any]:
        """Return the fields of a run."""
        return dict(vars(self))


def manifest_of(
    campaign: Campaign,
    database: Database,
    dispatcher: Dispatcher = "database",
    *,
    workers: int | None = None,
    n_computed: int | None = None,
    wall_s: float | None = None,
    replay_of: str | None = None,
) -> RunDocument:
    """Describe a campaign as it stands in the database.

    ``workers`` is given where this machine has computed; nothing is said of the machine otherwise.

    Raises
    ------
    CampaignError
        A file of the campaign cannot be read any more, or a case cannot be built.
    """
    engines = _engines(campaign)
    infos = [engine.info for engine in engines]
    planned = cases_now(campaign, database)
    known = database.cases_of(each.case_id for each in planned)
    stored = [known[each.case_id] for each in planned if each.case_id in known]
    content, files = _content(campaign)
    computed_here = workers is not None
    return RunDocument.sealed(
        campaign=campaign.name,
        title=campaign.file.title,
        liface_version=__version__,
        dispatcher=dispatcher,
        n_computed=n_computed,
        wall_s=None if wall_s is None else round(wall_s, 2),
        replay_of=replay_of,
        machine=machine(workers, infos) if workers is not None else None,
        packages=packages(infos) if computed_here else {},
        seeds=_seeds(campaign),
        content=content,
        files=files,
        engines=engines,
        **outcome_of(
            campaign.name, database, stored, {info.fingerprint for info in infos}, _geometries(campaign.name, database)
        ).as_fields(),
    )


def record_run(campaign: Campaign, database: Database, dispatcher: Dispatcher, **made: Any) -> RunDocument:
    """Store the run of a campaign that has just ended, and return it.

    Where nothing was computed and nothing has changed, this is no new run: the one that is stored is returned.
    """
    run = manifest_of(campaign, database, dispatcher, **made)
    known = same_as(run, database)
    if known is not None and not made.get("n_computed"):
        return known
    database.add_run(run)
    return run


def is_through(campaign: Campaign, database: Database) -> bool:
    """Tell whether every case has come to an end, those that a screening chose too."""
    now = phase(campaign, database)
    asked = {planned.case_id for planned in now.cases}
    return now.name != "screening" and database.cases_of(asked).keys() == asked


def same_as(run: RunDocument, database: Database) -> RunDocument | None:
    """Return the newest stored run that asked the same and came to the same, if any."""
    return next((each for each in reversed(database.runs(run.campaign)) if each.lock_id == run.lock_id), None)


def outcome_of(
    campaign: str,
    database: Database,
    cases: Sequence[CaseDocument],
    fingerprints: set[str] | None = None,
    geometries: Mapping[str, str] | None = None,
) -> Outcome:
    """Read what came of cases; of what is derived, that of the engines, or of none, is theirs.

    ``geometries`` are identities that an earlier run has, by ``calc_id``, which they are a part of: not made again.
    """
    known = {case.engine.fingerprint for case in cases} | (fingerprints or set())
    results = _results(campaign, database, cases, known)
    outcome = Outcome(cases=tuple(sorted(map(_case, cases), key=lambda case: (case.case, case.engine))))
    wanted = [calc_id for case in cases for calc_id in case.calc_ids]
    wanted += [calc_id for result in results for calc_id in result.provenance.calc_ids]
    outcome.calculations = tuple(_calculations(database, wanted, outcome, geometries or {}))
    outcome.records = tuple(sorted(map(_record, results), key=lambda r: (r.noun, r.case, r.engine or "", r.record_id)))
    for record in outcome.records:
        for name in record.numbers:
            outcome.column_units[f"{record.noun}.{name}"] = unit_of(record.noun, name)
    outcome.column_units = dict(sorted(outcome.column_units.items()))
    own = {record.record_id for record in outcome.records}
    behind = {each.record_id for result in results for each in _rests_on(result) if each.record_id is not None}
    outcome.outside = tuple(sorted(behind - own))
    return outcome


def unit_of(noun: str, column: str) -> str:
    """Return the unit of a number of a record; entries of a dictionary have that of their column."""
    table = next(each for each in RESULT_NOUNS.values() if each.name == noun)
    return table.columns[column.partition(".")[0]].unit


def _geometries(campaign: str, database: Database) -> dict[str, str]:
    """Return the identities of the structures of the newest run, by ``calc_id``."""
    return {row.calc_id: row.geometry for run in database.runs(campaign)[-1:] for row in run.calculations}


def _engines(campaign: Campaign) -> tuple[RunEngine, ...]:
    asked = [RunEngine(asked=str(spec), info=engine_info(spec)) for spec in campaign.engines]
    cheap = campaign.screening_engine
    if cheap is not None:
        asked.append(RunEngine(asked=str(cheap), role="screening", info=engine_info(cheap)))
    return tuple(asked)


def _seeds(campaign: Campaign) -> tuple[RunSeed, ...]:
    file = campaign.file
    seeds = [RunSeed(of="displacements of symmetric bulks", seeds=(file.protocol.seed,))]
    grown = [GrowthEntry(substrate=story.substrate, plane=story.plane) for story in file.stories if story.growth]
    seeds += [
        RunSeed(of=f"growth on {entry.substrate}({entry.plane})", seeds=tuple(range(entry.seeds)))
        for entry in (*grown, *file.growths)
    ]
    return tuple(seeds)


def _content(campaign: Campaign) -> tuple[dict[str, Any], tuple[RunFile, ...]]:
    """Return the campaign with every default written out, and the files it names, under names of their own."""
    content = campaign.file.model_dump(mode="json")
    content["engines"] = [str(spec) for spec in campaign.engines]
    files: dict[str, RunFile] = {}
    for name, path in campaign.file.materials.items():
        content["materials"][name] = _keep(files, campaign.base / Path(path).expanduser())
    if campaign.responses is not None:
        content["responses"] = _keep(files, campaign.responses)
    return content, tuple(files.values())


def _keep(files: dict[str, RunFile], path: Path) -> str:
    """Take a file with what it holds; of two of the same name one is told from the other by a number."""
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise CampaignError(f"{path} cannot be read any more ({error.strerror}); it belongs to the campaign") from error
    stem, suffix = (re.sub(r"[^A-Za-z0-9_+-]", "_", part) for part in (path.stem, path.suffix[1:]))
    stem, suffix = stem.lstrip("_+-")[:80] or "file", f".{suffix[:20]}" if suffix else ""
    name, number = f"{stem}{suffix}", 2
    while name in files and files[name].text != text:
        name, number = f"{stem}-{number}{suffix}", number + 1
    files[name] = RunFile(name=name, sha256=hashlib.sha256(text.encode()).hexdigest(), text=text)
    return name


def _results(
    campaign: str, database: Database, cases: Iterable[CaseDocument], fingerprints: set[str]
) -> list[ResultDocument]:
    listed = {record_id for case in cases for record_id in getattr(case, "record_ids", ())}
    found: list[ResultDocument] = []
    for kind in RESULT_NOUNS:
        for result in database.results(kind, where=within_campaign(None, campaign)):
            engine = _fingerprint(result.engine)
            follows = kind in DERIVED and (engine is None or engine in fingerprints)
            if follows or result.record_id in listed:
                found.append(result)
    return found


def _fingerprint(engine: EngineInfo | None) -> str | None:
    return None if engine is None else engine.fingerprint


def _rests_on(result: ResultDocument) -> tuple[Any, ...]:
    """Return what a result of a model names as its sources."""
    return (*getattr(result, "inputs", ()), *(result.points if result.kind == "verdict" else ()))


def _case(case: CaseDocument) -> RunCase:
    return RunCase(
        case_id=case.case_id,
        case=case.case,
        kind=case.kind,
        engine=case.engine.fingerprint,
        status=case.status,
        reason=getattr(case, "reason", ""),
        record_ids=getattr(case, "record_ids", ()),
        calc_ids=tuple(sorted(case.calc_ids)),
    )


def _calculations(
    database: Database, calc_ids: Sequence[str], outcome: Outcome, geometries: Mapping[str, str]
) -> list[RunCalculation]:
    """Read calculations, and those of cheaper engines that they began from; note their settings and versions."""
    rows: dict[str, RunCalculation] = {}
    versions: dict[str, set[str]] = {}
    todo = list(dict.fromkeys(calc_ids))
    while todo:
        piece, todo = todo[:CHUNK], todo[CHUNK:]
        for document in database.calculations(piece).values():
            key = content_hash(document.settings.identity, 12)
            outcome.settings[key] = document.settings
            rows[document.calc_id] = _calculation(document, key, geometries.get(document.calc_id))
            for package, number in document.versions.items():
                versions.setdefault(package, set()).add(number)
            if document.started_from is not None and document.started_from not in rows:
                todo.append(document.started_from)
    outcome.settings = dict(sorted(outcome.settings.items()))
    outcome.computed_with = {package: tuple(sorted(found)) for package, found in sorted(versions.items())}
    return sorted(rows.values(), key=lambda row: (row.label, row.calc_id))


def _calculation(document: CalculationDocument, settings: str, geometry: str | None) -> RunCalculation:
    start = document.initial
    if geometry is None:
        geometry = start.identity if document.end is None else content_hash([start.identity, document.end.identity])
    return RunCalculation(
        calc_id=document.calc_id,
        label=document.label,
        engine=document.engine.fingerprint,
        settings=settings,
        geometry=geometry,
        formula=start.formula,
        cell=cell_parameters(start),
        status=document.status,
        energy_ev=None if document.status == "failed" else document.energy_ev,
        n_force_calls=document.n_force_calls,
        started_from=document.started_from,
    )


def cell_parameters(geometry: Geometry) -> tuple[float, float, float, float, float, float]:
    """Return a, b, c (Å) and α, β, γ (degrees) to four decimals."""
    a, b, c = geometry.cell
    lengths = [math.hypot(*vector) for vector in (a, b, c)]
    angles = []
    for (u, lu), (v, lv) in (((b, lengths[1]), (c, lengths[2])), ((a, lengths[0]), (c, lengths[2])),
                             ((a, lengths[0]), (b, lengths[1]))):  # fmt: skip
        cosine = sum(x * y for x, y in zip(u, v, strict=True)) / (lu * lv)
        angles.append(math.degrees(math.acos(min(1.0, max(-1.0, cosine)))))
    first, second, third, alpha, beta, gamma = (round(value, 4) for value in (*lengths, *angles))
    return first, second, third, alpha, beta, gamma


def _record(result: ResultDocument) -> RunRecord:
    noun = RESULT_NOUNS[result.kind]
    values = noun.values(result)
    names = [name for name in noun.slot if name not in ABOUT]
    numbers, words = _numbers_and_words(noun, {k: v for k, v in values.items() if k not in {*ABOUT, *names}})
    return RunRecord(
        noun=noun.name,
        record_id=values["record_id"],
        case=values["case"],
        engine=values["engine_fingerprint"],
        slot={name: values[name] for name in names if values[name] is not None},
        numbers=numbers,
        words=words,
        converged=result.converged,
        flags=tuple(result.flags),
        calc_ids=tuple(sorted(result.provenance.calc_ids)),
    )


def _numbers_and_words(noun: Noun, values: dict[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    for name, value in values.items():
        kind = noun.columns[name].type
        if value is None:
            continue
        if kind == "dictionary":
            numbers |= {f"{name}.{key}": float(number) for key, number in value.items()}
        elif kind in ("integer", "float"):
            numbers[name] = float(value)
        else:
            words[name] = str(value)
    return numbers, words


__all__ = [
    "DERIVED",
    "Outcome",
    "cell_parameters",
    "is_through",
    "manifest_of",
    "outcome_of",
    "record_run",
    "same_as",
    "unit_of",
]
