"""The server passes the validator of the OPTIMADE consortium, alone and mounted, with everything optional."""

from __future__ import annotations

import random

import pytest


@pytest.mark.parametrize("version", ["", "/v1"])
@pytest.mark.parametrize("place", ["address", "mounted"])
def test_the_implementation_is_valid(place, version, request, capsys):
    from optimade.validator import ImplementationValidator

    base_url = request.getfixturevalue(place) + version
    random.seed(1)  # the validator asks about entries and properties it draws
    validator = ImplementationValidator(base_url=base_url, verbosity=0, run_optional_tests=True)
    validator.validate_implementation()
    results = validator.results
    told = capsys.readouterr().out
    assert (results.failure_messages, results.internal_failure_messages) == ([], []), told
    assert results.optional_failure_messages == [], told
    assert validator.valid is True
    assert results.success_count >= 50 and results.optional_success_count >= 12  # how many depends on the entry drawn


@pytest.mark.parametrize(
    ("as_type", "path"),
    [
        ("structures", "/v1/structures?page_limit=50"),
        ("structures", '/v1/structures?filter=elements HAS "Li"&page_above=8'),
        ("references", "/v1/references"),
        ("reference", "/v1/references/10.1039/d4ee03130j"),
        ("info", "/v1/info"),
        ("links", "/v1/links"),
    ],
)
def test_each_answer_is_of_its_type(address, as_type, path, capsys):
    from optimade.validator import ImplementationValidator

    validator = ImplementationValidator(base_url=address + path, as_type=as_type, verbosity=0)
    validator.validate_implementation()
    assert validator.valid is True, capsys.readouterr().out


def test_every_kind_of_structure_is_valid(address, capsys):
    import requests
    from optimade.validator import ImplementationValidator

    entries = requests.get(f"{address}/v1/structures?page_limit=100", timeout=30).json()["data"]
    by_kind = {entry["attributes"]["_liface_kind"]: entry["id"] for entry in entries}
    assert len(by_kind) >= 8
    for entry_id in by_kind.values():
        validator = ImplementationValidator(
            base_url=f"{address}/v1/structures/{entry_id}", as_type="structure", verbosity=0
        )
        validator.validate_implementation()
        assert validator.valid is True, capsys.readouterr().out
