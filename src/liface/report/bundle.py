"""Everything of a campaign in one file that others open, check and ask without any engine."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from liface import __version__
from liface.analysis.responses import measured
from liface.database import Database
from liface.database.columns import RESULT_NOUNS
from liface.database.filters import within_campaign
from liface.database.single_file import settle
from liface.dispatch.bundles import DATABASE, SUMS
from liface.dispatch.literature import literature_of as published_values
from liface.dispatch.lock_file import lock_name, lock_text
from liface.documents import Geometry, LiteratureValue, RunDocument, RunRecord
from liface.documents.bibtex import ENGINES, bibtex
from liface.errors import InputError
from liface.report.page import write_report

CAMPAIGN, REPORT, README, LITERATURE = "campaign.yaml", "report.html", "README.txt", "literature.json"


Correlate = Callable[[Database], Sequence[Any]]
"""Makes the correlations that the report shows of the results in a database."""


def bundle_members(
    run: RunDocument, database: Database, correlate: Correlate = lambda _: (), authors: Sequence[str] = ()
) -> dict[str, bytes]:
    """Return the members of the bundle of a run, by name: what its engines have computed, and nothing of others.

    Raises
    ------
    InputError
        The database has gone on since the run, so that its results are no longer those of the lock; or the report
        cannot be written.
    DatabaseError
        Its records cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="liface-bundle-") as folder:
        page, copied = Path(folder) / REPORT, Path(folder) / DATABASE
        database.copy_campaign(run.campaign, copied, run.fingerprints.keys())
        with Database(copied) as own:
            _require_all(run, own)
            own.add_run(run)
            members = _texts(run, own, authors)
            about = {"title": run.title, "command": f"liface campaign replay {lock_name(run.campaign)}"}
            manifest = {key: text for key, text in about.items() if text}
            write_report(own, run.campaign, page, correlations=correlate(own), manifest=manifest)
        settle(copied)
        binary = {REPORT: page.read_bytes(), DATABASE: copied.read_bytes()}
    members[README] = readme_text(run, [*members, *binary, README])
    return {**{name: text.encode("utf-8") for name, text in members.items()}, **binary}


def _require_all(run: RunDocument, own: Database) -> None:
    stored = own.status_of(calculation.calc_id for calculation in run.calculations)
    absent = [c.calc_id for c in run.calculations if c.calc_id not in stored]
    absent += [record.record_id for record in run.records if own.result(record.record_id) is None]
    if absent:
        raise InputError(
            f"{len(absent)} results and calculations of run {run.run_id[:12]} are no longer in the database as they "
            f"were, e.g. {absent[0]}; bundle what it holds now, with the campaign file and its engines"
        )


def _texts(run: RunDocument, database: Database, authors: Sequence[str]) -> dict[str, str]:
    """Return the members that are text."""
    literature = literature_of(run, database)
    values = [value.model_dump(mode="json", exclude={"created_at"}) for value in literature]
    return {
        lock_name(run.campaign): lock_text(run),
        CAMPAIGN: campaign_text(run),
        LITERATURE: json.dumps(values, ensure_ascii=False, indent=1) + "\n",
        "CITATION.cff": citation_text(run, literature, authors, database),
        "references.bib": bibtex(literature, dois_of(run, literature, database)),
        **{file.name: file.text for file in run.files},
        **{f"structures/{name}.extxyz": text for name, text in structures_of(run, database)},
    }


def campaign_text(run: RunDocument) -> str:
    """Return the campaign as a file that can be run; every default is written out."""
    text = yaml.safe_dump(run.content, sort_keys=False, allow_unicode=True, width=110)
    return f"# Run {run.run_id} of liface {run.liface_version}\n{text}"


def structures_of(run: RunDocument, database: Database) -> Iterator[tuple[str, str]]:
    """Yield a name and the extended XYZ of every result that has a structure."""
    for record in run.records:
        result = database.result(record.record_id)
        structure = getattr(result, "structure", None)
        if structure is None:
            continue
        where = re.sub(r"[^A-Za-z0-9_.+()-]", "_", record.case.partition("/")[2] or record.case)[:80].strip(".")
        yield f"{record.noun}_{where}_{record.record_id[:8]}", _extxyz(structure, record, run)


def _extxyz(geometry: Geometry, record: RunRecord, run: RunDocument) -> str:
    import numpy as np
    from ase.io.extxyz import write_extxyz

    atoms = geometry.to_ase()
    atoms.set_array("role", np.array(geometry.roles))
    engine = run.fingerprints.get(record.engine or "")
    atoms.info = {"record_id": record.record_id, "case": record.case, "engine": engine.info.label if engine else ""}
    out = io.StringIO()
    write_extxyz(out, [atoms])
    return out.getvalue()


def literature_of(run: RunDocument, database: Database) -> tuple[LiteratureValue, ...]:
    """Return the published values of the materials that the run has results of, shipped and of the database."""
    names = {str(value) for record in run.records for key, value in record.slot.items()
             if key in ("material", "substrate", "material_a", "material_b")}  # fmt: skip
    values = published_values(database).values
    if not run.content.get("correlations"):
        responses = {point.response for point in measured()}
        values = tuple(value for value in values if value.quantity not in responses)
    return tuple(value for value in values if value.material in names)


def dois_of(run: RunDocument, literature: Sequence[LiteratureValue], database: Database) -> dict[str, str]:
    """Return the papers behind a run, each with what it is cited for."""
    found: dict[str, str] = {}
    for doi in run.content.get("doi", ()):
        found.setdefault(doi, f"the campaign {run.campaign}")
    for engine in run.engines:
        if engine.info.name in ENGINES:
            found.setdefault(ENGINES[engine.info.name], f"the engine {engine.info.label}")
    for noun in RESULT_NOUNS.values():
        own = {record.record_id for record in run.records if record.noun == noun.name}
        for result in database.results(noun.kind, where=within_campaign(None, run.campaign)) if own else ():
            if result.record_id in own:
                for doi in result.provenance.doi:
                    found.setdefault(doi, f"definition of {noun.name}")
    for value in literature:
        if value.doi:
            found.setdefault(value.doi, "published values")
    return dict(sorted(found.items()))


def citation_text(
    run: RunDocument, literature: Sequence[LiteratureValue], authors: Sequence[str], database: Database
) -> str:
    """Return how the bundle is cited, in the Citation File Format."""
    content = {
        "cff-version": "1.2.0",
        "message": "If you use these results, please cite them and the papers they rest on.",
        "type": "dataset",
        "title": run.title or f"Results of the campaign {run.campaign}",
        "version": run.lock_id[:12],
        "date-released": run.created_at.date().isoformat(),
        "authors": [{"name": name} for name in authors or (f"The authors of the campaign {run.campaign}",)],
        "references": [
            {"type": "software", "title": "liface", "version": run.liface_version,
             "authors": [{"name": "The liface developers"}]},
            *({"type": "article", "title": f"doi:{doi} ({note})", "doi": doi, "authors": [{"name": "see the DOI"}]}
              for doi, note in dois_of(run, literature, database).items()),
        ],
    }  # fmt: skip
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def readme_text(run: RunDocument, members: Sequence[str]) -> str:
    """Return what a person reads first."""
    lock = lock_name(run.campaign)
    n_structures = sum(name.startswith("structures/") for name in members)
    engines = "\n".join(
        f"  {e.info.label}  {e.info.code} {e.info.code_version}  weights sha256 {e.info.weights_sha256}"
        for e in run.engines
    )
    return f"""Campaign {run.campaign}{f": {run.title}" if run.title else ""}
run {run.run_id}, recorded {run.created_at:%Y-%m-%d} with liface {run.liface_version}

{run.n_records} results of {run.n_cases} cases ({run.n_failed_cases} failed), {run.n_calculations} calculations
Engines:
{engines}

  {DATABASE:<24}every result, case and calculation with its input (SQLite)
  {lock:<24}what was asked, with what it was computed, what came of it
  {CAMPAIGN:<24}the campaign file, every default written out
  {REPORT:<24}the report, for a browser
  {"structures/":<24}{n_structures} relaxed structures as extended XYZ
  {LITERATURE:<24}published values of the same materials
  {"CITATION.cff":<24}how to cite it; references.bib has every DOI
  {SUMS:<24}sha256 of every file

Check:    sha256sum -c {SUMS}         or, before unpacking: liface campaign verify BUNDLE
Look:     liface query surfaces --db {DATABASE}       (no engine needs to be installed)
Repeat:   liface campaign replay {lock}
Compare:  liface campaign diff {lock} YOUR.lock.json

liface {__version__} made this bundle. Times are UTC; units stand in the column names and in the lock.
"""


__all__ = ["bundle_members", "literature_of"]
