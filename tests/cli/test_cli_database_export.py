"""``liface database export`` and ``gather`` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liface.database import Database
from liface.testing.cli import run_cli


def test_a_selection_goes_to_a_file(filled):
    run_cli(
        [
            "database",
            "export",
            "--db",
            filled,
            "-o",
            "s.jsonl",
            "--noun",
            "interfaces",
            "-n",
            "1",
            "-s",
            "-gamma_mev_per_a2",
        ]
    )
    with Database(filled, read_only=True) as database:
        (row,) = database.query("interfaces", sort="-gamma_mev_per_a2", limit=1)
    assert json.loads(Path("s.jsonl").read_text(encoding="utf-8")) == {"noun": "interfaces", **row}


def test_structures_that_are_not_there_are_counted(filled):
    from ase.io import read

    with Database(filled, read_only=True) as database:
        failed = database.count("calculations", 'status="failed"')
        others = database.count("calculations") - failed
    said = f"{failed} documents? left out" if failed else "^$"
    run_cli(["database", "export", "--db", filled, "-o", "c.xyz", "--noun", "calculations"], out="c.xyz", err=said)
    assert len(read("c.xyz", ":")) == others


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "x.poscar"], "unknown format 'poscar'; formats: json, jsonl, csv, parquet, ase, extxyz, cif"),
        (["-o", "x.csv", "--where", "a > 1"], "--noun"),
        (["-o", "x.cif", "--noun", "growth"], "no structure"),
        (["-o", "x.json", "--noun", "cases", "--where", "nothing > 1"], "nothing"),
        (["-o", "no/x.json"], "cannot be written"),
        (["-o", "{}", "--format", "ase"], "is a results database"),
        (["-o", ".", "--format", "csv"], "is a folder"),
    ],
)
def test_wrong_exports_write_nothing(filled, tmp_path, arguments, said):
    asked = [each.format(filled) for each in arguments]
    run_cli(["database", "export", "--db", filled, *asked], code=2, err=said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no file"),
        ("JOB_STORE: {docs_store: {type: VaultStore}}", "no store of type 'VaultStore'"),
        ("JOB_STORE: [1]", "describes no store"),
        ("{", "is no YAML"),
        ("docs_store: {type: MemoryStore}\nadditional_stores: [1]", "a name for each store"),
    ],
)
def test_stores_that_cannot_be_gathered(tmp_path, text, said):
    if text is not None:
        Path("jobflow.yaml").write_text(text)
    run_cli(["database", "gather", "jobflow.yaml"], code=2, err=said)
    assert not Path("liface.db").exists()


def test_an_empty_store_says_so():
    Path("jobflow.yaml").write_text("JOB_STORE: {docs_store: {type: MemoryStore}}")
    run_cli(["database", "gather", "jobflow.yaml"], err="no documents in 0 outputs of MemoryStore")
