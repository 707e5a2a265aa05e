"""One report of the made-up campaign, written once for all tests that only look."""

from __future__ import annotations

import pytest
import report_fakes as fakes

from liface.report import write_report

MANIFEST = {"title": "Li on metals", "command": "liface campaign run demo --engine sevennet", "fmax": 0.03}


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Files of the whole campaign."""
    path = tmp_path_factory.mktemp("report") / "demo.html"
    return write_report(
        fakes.whole_campaign(), fakes.CAMPAIGN, path, correlations=fakes.correlations(), manifest=MANIFEST
    )


@pytest.fixture(scope="session")
def page(written) -> str:
    """The page as text."""
    return written.html.read_text("utf-8")
