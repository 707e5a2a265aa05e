"""The page in a real browser: keyboard, small screens, errors, and nobody else asked."""

from __future__ import annotations

import json
from urllib.parse import quote, urlsplit

import database_factories as make
import pytest
from headless_chromium import PROGRAM, Chromium
from served_site import GAMMAS

from requirements_helper import need

VIEWS = ("", "table/interfaces", "table/calculations", "table/cases", "campaigns", "campaign/quickstart", "compare",
         "storage", "case/made-up-1")  # fmt: skip


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    need("chromium", PROGRAM is not None, "install the Debian package chromium")
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def page(chromium, site):
    """A tab; whatever it did, it asked this server alone and nothing complained."""
    tab = chromium.page()
    yield tab
    alien = {urlsplit(url).netloc for url in tab.requests() if url.startswith("http")} - {urlsplit(site.url).netloc}
    complaints = tab.complaints()
    tab.close()
    assert not alien and not complaints


def cells(page, column):
    """Text of one column of the table of rows, by its position among the shown ones (the mark is 0)."""
    return page.js(f"[...document.querySelectorAll('#rows tbody tr')].map(row => row.cells[{column}].innerText)")


def ready(page, path):
    page.wait(f"location.pathname + location.search === {json.dumps(path)} && document.getElementById('main') && "
              "!document.getElementById('main').hasAttribute('aria-busy')")  # fmt: skip


def test_the_table_shows_rows_with_units_and_flags(page, site):
    page.open(site.url + "table/interfaces?sort=-gamma_mev_per_a2")
    assert page.text("#total").endswith(f"of {len(GAMMAS) + 3} rows")
    assert cells(page, 1)[:3] == ["W", "W", "Cr"]
    assert "γ (meV/Å²)" in " ".join(page.text("#rows thead").split())
    assert "−4.00" in page.text("#rows")
    assert page.js("document.querySelector('#rows .flag').firstChild.data") == "reactive"
    assert "broken anions" in page.js("document.querySelector('#rows .flag').title")
    assert page.js("document.querySelector('th[aria-sort=descending] button').dataset.column") == "gamma_mev_per_a2"


def test_a_filter_is_typed_with_help_and_applied(page, site):
    page.open(site.url + "table/interfaces")
    page.press("/")
    assert page.js("document.activeElement.id") == "where"
    page.type("substr")
    page.wait("!document.getElementById('offers').hidden")
    page.press("ArrowDown")
    assert page.js("document.querySelector('#offers [aria-selected=true] code').innerText") == "substrate"
    assert page.js("document.activeElement.getAttribute('aria-activedescendant')") == "offer-0"
    page.press("Enter")
    page.type('= "Cr"')
    page.press("Enter")
    page.wait("document.querySelectorAll('#rows tbody tr').length === 1")
    assert cells(page, 1) == ["Cr"] and "where=substrate" in page.js("location.search")
    page.js("history.back()")
    page.wait(f"document.querySelectorAll('#rows tbody tr').length === {len(GAMMAS) + 3}")
    assert page.js("document.getElementById('where').value") == ""


def test_a_wrong_filter_shows_what_is_wrong(chromium, site):
    tab = chromium.page()
    tab.open(site.url + "table/interfaces?where=" + quote("gamma > 5"))
    said = tab.text("#filter-problem")
    assert "no column 'gamma'" in said and "did you mean gamma_" in said
    assert tab.js("document.getElementById('where').getAttribute('aria-invalid')") == "true"
    assert tab.js("document.getElementById('where').value") == "gamma > 5"
    assert tab.js("document.querySelector('#rows')") is None
    assert all("400" in text for text in tab.complaints())  # the answer itself, nothing else
    tab.close()


def test_columns_are_sorted_by_keyboard(page, site):
    page.open(site.url + "table/interfaces?is.engine=emt")
    page.js("document.querySelector('button[data-column=gamma_mev_per_a2]').focus()")
    page.press("Enter")
    ready(page, "/table/interfaces?is.engine=emt&sort=gamma_mev_per_a2")
    assert cells(page, 1)[0] == "Li2S"
    page.js("document.querySelector('button[data-column=gamma_mev_per_a2]').focus()")
    page.press("Enter")
    ready(page, "/table/interfaces?is.engine=emt&sort=-gamma_mev_per_a2")
    assert page.js("document.querySelector('[data-column=gamma_mev_per_a2]').closest('th').ariaSort") == "descending"
    values = [float(text.replace("−", "-")) for text in cells(page, 6)]
    assert values == sorted(values, reverse=True) and len(values) == len(GAMMAS) + 2


def test_rows_are_walked_marked_compared_and_opened_by_keyboard(page, site, ids):
    page.open(site.url + "table/interfaces?where=" + quote('substrate="W" AND campaign="quickstart"'))
    page.press("j")
    page.press("x")
    page.press("ArrowDown")
    assert page.js("document.activeElement === document.querySelectorAll('#rows tbody tr')[1]")
    page.press("x")
    assert page.text("#compare-marked") == "Compare 2 marked"
    page.press("c")
    page.wait("document.querySelector('h1')?.innerText === 'Comparison'")
    marked = page.js("['a', 'b'].map(name => new URLSearchParams(location.search).get(name))")
    assert set(marked) == {ids["W", "emt"], ids["W", "chgnet"]}
    page.js("history.back()")
    page.wait("document.querySelector('#rows')")
    page.press("j")
    page.press("Enter")
    page.wait("location.pathname.startsWith('/record/') && document.querySelector('h1').innerText === 'W(110)|Li(100)'")


def test_the_first_tab_leads_to_the_content(page, site):
    page.open(site.url)
    page.press("Tab")
    assert page.js("document.activeElement.className") == "skip"
    page.press("?")
    page.wait("document.getElementById('keys').open")
    assert "go to the filter" in page.text("#keys")
    page.press("Escape")
    page.wait("!document.getElementById('keys').open")


def test_facets_narrow_the_rows_and_live_in_the_address(page, site):
    page.open(site.url + "table/interfaces?where=" + quote("gamma_mev_per_a2 > 50"))
    page.wait("document.querySelector('input[data-facet=engine][value=chgnet]')")
    page.js("document.querySelector('input[data-facet=engine][value=chgnet]').click()")
    page.wait("document.querySelectorAll('#rows tbody tr').length === 1")
    assert "is.engine=chgnet" in page.js("location.search") and "where=gamma" in page.js("location.search")
    link = page.js("document.querySelector('a[download$=\".csv\"]').href")
    body = site.get(link.removeprefix(site.url)).body.decode()
    assert len(body.splitlines()) == 2 and "chgnet" in body


def test_columns_are_chosen(page, site):
    page.open(site.url + "table/surfaces?columns=material,area_a2")
    assert page.js("[...document.querySelectorAll('#rows thead th')].length") == 3
    page.js("document.querySelector('.menu summary').click()")
    page.js("document.querySelector('.choices input[value=vacuum_a]').click()")
    page.js("document.querySelector('.choices button[type=submit]').click()")
    ready(page, "/table/surfaces?columns=material%2Carea_a2%2Cvacuum_a")
    assert "vacuum (Å)" in " ".join(page.text("#rows thead").split())


def test_pages_are_turned(page, site):
    page.open(site.url + "table/calculations?size=25&columns=label")
    assert page.text("#total") == "1 to 10 of 10 rows"
    page.open(site.url + "table/calculations?page=7")
    assert "no row" in page.text(".results").lower() or "first page" in page.text(".results").lower()


def test_a_record_shows_fit_scans_method_and_origin(page, site, ids):
    page.open(site.url + f"record/{ids['Li2S', 'emt']}")
    assert page.text("h1") == "Li₂S(110)|Li(100)"
    page.wait("document.querySelector('#fit svg .point')")
    charts = page.js("[...document.querySelectorAll('figcaption strong')].map(node => node.innerText)")
    assert charts == ["γ(n), both fits and the plateau.", "Residuals of both fits.", "Gap scan.", "Registry scan."]
    first = "document.querySelectorAll('#fit figure')[0]"
    assert page.js(f"{first}.querySelectorAll('.mark.c0.hollow').length") == 1  # the thinnest film
    assert page.js(f"{first}.querySelectorAll('polyline').length") == 3
    assert page.js(f"{first}.querySelector('.plot svg').getAttribute('aria-label')").startswith(
        "Excess energy against film"
    )
    assert page.js("document.querySelectorAll('#fit figure')[1].querySelectorAll('.point').length") == 6
    assert "reactive broken anions" in " ".join(page.text(".flag-list").split())
    numbers = page.text("#numbers")
    assert "gamma_stderr_mev_per_a2" in numbers and "Standard error of the headline value." in numbers
    assert "0" * 64 in page.text("#method") and "effective medium" in page.text("#method")
    links = page.js("[...document.querySelectorAll('.graph a')].map(node => node.getAttribute('href'))")
    assert f"/calculation/{make.calculation(1).calc_id}" in links
    assert page.js("document.querySelectorAll('#calculations tbody tr').length") == 7


def test_the_structure_is_drawn_in_three_dimensions(page, site, ids):
    page.open(site.url + f"record/{ids['W', 'emt']}")
    page.wait(
        "document.querySelector('.stage').dataset.drawn === 'yes' || !document.querySelector('.viewer > p').hidden"
    )
    assert page.js("document.querySelector('.viewer > p').hidden"), page.text(".viewer > p")
    box = page.js(
        "(({width, height}) => [width, height])(document.querySelector('.stage canvas').getBoundingClientRect())"
    )
    assert min(box) > 200
    assert page.text(".viewer .legend").split() == ["Cu", "1", "Li", "1"]
    page.js("(select => { select.value = 'role'; select.dispatchEvent(new Event('change')); })"
            "(document.querySelectorAll('.viewer select')[0])")  # fmt: skip
    assert page.text(".viewer .legend").split() == ["substrate", "1", "film", "1"]
    assert "CuLi, 2, 1 of them frozen" in page.text(".viewer")


def test_without_webgl_it_says_so(page, site, ids):
    page.call("Page.addScriptToEvaluateOnNewDocument", source="HTMLCanvasElement.prototype.getContext = () => null;")
    page.open(site.url + f"record/{ids['W', 'emt']}")
    page.wait("!document.querySelector('.viewer > p').hidden")
    assert "draws no WebGL" in page.text(".viewer > p") and page.js("document.querySelector('.stage').hidden")
    assert page.js("document.querySelectorAll('.viewer a[download]').length") == 3


@pytest.mark.parametrize("kind", [each.__name__ for each in make.EVERY_KIND])
def test_every_kind_of_record_is_shown(page, site, kind):
    document = getattr(make, kind)()
    page.open(site.url + f"record/{document.record_id}")
    assert page.text(".kicker").lower().endswith(kind) and page.text("#numbers table")
    assert "undefined" not in page.text("main") and "NaN" not in page.text("main")
    assert "[object" not in page.text("main") and "null" not in page.text("main")


@pytest.mark.parametrize("status", ["converged", "failed", "unconverged"])
def test_calculations_are_shown(page, site, status):
    number = {"converged": 8, "failed": 20, "unconverged": 21}[status]
    page.open(site.url + f"calculation/{make.calculation(number, status).calc_id}")
    assert page.text("h1") == f"test/n{number}" and status in page.text(".cards")
    assert ("energy is not finite" in page.text("main")) is (status == "failed")
    assert ("W 110" in page.text("#users")) is (status == "converged")


def test_two_records_are_compared_side_by_side(page, site, ids):
    page.open(site.url + f"compare?a={ids['W', 'emt']}&b={ids['W', 'chgnet']}")
    changed = page.js("[...document.querySelectorAll('#numbers tr.changed th')].map(cell => cell.innerText)")
    assert "gamma_mev_per_a2" in changed and "substrate" not in changed
    row = page.js(
        "[...document.querySelectorAll('#numbers tr')].map(row => row.innerText)"
        ".find(text => text.startsWith('gamma_mev_per_a2'))"
    )
    assert row.split() == ["gamma_mev_per_a2", "97.25", "91", "−6.25", "meV/Å²"]
    assert "engine model" in page.text("#method") and "different engines" in page.text("main")
    page.js("document.querySelector('.tools a').click()")
    page.wait("[...document.querySelectorAll('#numbers th')].some(cell => cell.innerText === 'substrate')")


def test_a_campaign_shows_progress_and_failures(page, site):
    page.open(site.url + "campaign/quickstart")
    assert page.js("document.querySelector('.progress').getAttribute('aria-label')") == "1 case finished, 1 failed"
    failures = page.text("#failures")
    assert "no coherent cell" in failures and "energy is not finite" in failures and "200 force calls" in failures
    page.js("document.querySelector('#results a[href*=interfaces]').click()")
    page.wait(f"document.querySelectorAll('#rows tbody tr').length === {len(GAMMAS) + 2}")


def test_what_is_not_there_is_said(chromium, site):
    tab = chromium.page()
    for path, words in (("record/none", "no record 'none'"), ("table/nothing", "holds no nothing"),
                        ("campaign/none", "no campaign 'none'")):  # fmt: skip
        tab.open(site.url + path)
        assert words in tab.text("[role=alert]")
    tab.close()


def test_nothing_is_wider_than_the_screen(page, site, ids):
    pair = f"compare?a={ids['W', 'emt']}&b={ids['W', 'chgnet']}"
    calculation = f"calculation/{make.calculation(1).calc_id}"
    for path in (*VIEWS, f"record/{ids['Li2S', 'emt']}", pair, calculation):
        page.resize(360)
        page.open(site.url + path)
        for width in (360, 320, 1280):
            page.resize(width)
            assert page.js("new Promise(done => requestAnimationFrame(() => "
                           "done(document.documentElement.scrollWidth)))") <= width, path  # fmt: skip


def test_a_narrow_screen_shows_the_quantity_right_behind_the_name(page, site):
    page.resize(360)
    page.open(site.url + "table/interfaces")
    headings = page.js("[...document.querySelectorAll('.rows thead th')].map((cell) => cell.textContent)")
    names = [heading for heading in headings if heading and not heading.startswith("compare")]
    assert names[0].startswith("substrate") and names[1].startswith("γ (meV/Å²)")
    assert len(names) == len(set(names))


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_background(chromium, site, ids, dark):
    """WCAG AA: 4.5 to 1 for text of this size."""
    tab = chromium.page(dark=dark)
    tab.open(site.url + f"record/{ids['Li2S', 'emt']}")
    pairs = tab.js("""(() => {
        const style = getComputedStyle(document.documentElement);
        const colour = (name) => {
            const probe = document.createElement('span');
            probe.style.color = style.getPropertyValue(name);
            document.body.append(probe);
            const found = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
            probe.remove();
            return found;
        };
        return [['--ink', '--paper'], ['--muted', '--paper'], ['--muted', '--raised'], ['--accent', '--paper'],
                ['--warn', '--warn-bg'], ['--ink', '--changed'], ['--paper', '--accent'], ['--ink', '--field']]
            .map(([a, b]) => [a + ' on ' + b, colour(a), colour(b)]);
    })()""")
    assert {name: round(_contrast(a, b), 2) for name, a, b in pairs if _contrast(a, b) < 4.5} == {}
    tab.close()


def _contrast(a, b):
    def light(colour):
        parts = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


def test_everything_to_press_has_a_name(page, site, ids):
    for path in ("table/interfaces", f"record/{ids['W', 'emt']}", "compare", "campaign/quickstart"):
        page.open(site.url + path)
        nameless = page.js("""[...document.querySelectorAll(
                'a[href], button, input, select, summary, svg[role=img], [role=region]')]
            .filter(node => !(node.getAttribute('aria-label') || node.getAttribute('aria-labelledby')
                || node.labels?.length || node.textContent?.trim()))
            .map(node => node.outerHTML.slice(0, 120))""")
        assert nameless == [], path
        assert page.js("document.querySelectorAll('h1').length") == 1


def test_rows_that_are_added_appear_by_themselves(chromium, tmp_path):
    from served_site import Served, fill

    from liface.database import Database

    path = fill(tmp_path / "growing.db")
    with Served(path) as site:
        tab = chromium.page()
        source = "const real = window.setInterval; window.setInterval = (action) => real(action, 200);"
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=source)
        tab.open(site.url + "table/surfaces")
        before = tab.js("document.querySelectorAll('#rows tbody tr').length")
        with Database(path) as writing:
            writing.add_result(make.surface("Au", campaign="later"))
        tab.wait(f"document.querySelectorAll('#rows tbody tr').length === {before + 1}")
        assert "Au" in cells(tab, 1)
        tab.close()
