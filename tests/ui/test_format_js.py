"""The browser writes the numbers that the server writes, and makes no markup of text from data. In a real Chromium."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page

from dashboards.areas.idx import money
from dashboards.ui import STATIC, formats
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import with_commands
from dashboards.ui.formats import Number
from dashboards.ui.tables import COMMAND, Column, Table, _column
from tests.areas.visiting import SITE, opened
from tests.e2e.browsing import profile

pytestmark = pytest.mark.e2e

NUMBERS = {
    f"{module.__name__.rsplit('.', 1)[-1]}.{name}": value
    for module in (formats, money)
    for name, value in vars(module).items()
    if isinstance(value, Number)
}
SIZES = [
    *(0, 0.001, 0.004, 0.005, 0.0949, 0.1, 0.5, 0.994, 0.995, 0.9995, 1, 1.004, 1.005, 1.015, 1.5, 2.5, 2.675),
    *(9.995, 9.996, 12.345, 99.949, 99.95, 99.96, 100, 123.456, 999, 999.4, 999.49, 999.5, 999.6, 1000, 1234, 9_994),
    *(9_995, 12_345.678, 99_960, 999_499, 999_500, 999_950, 1_000_000, 1_234_567, 254_400_000_000, 999_500_000_000),
    *(1e12, 1.2345e15, 1_234_567_890_123_456),
]
VALUES = [*SIZES, *(-size for size in SIZES if size), None]

HOSTILE = [
    "<img src=x onerror=window.hacked=1>",
    '"><script>window.hacked=1</script>',
    "' onmouseover='window.hacked=1",
    "javascript:window.hacked=1",
    "`${window.hacked=1}`&lt;img src=x&gt;",
    "__proto__",
]
MADE = """([formatter, tooltip, value]) => {
  const component = {getValue: () => value, getDefinition: () => ({title: value})};
  const box = document.createElement('div');
  box.innerHTML = formatter(component);
  const found = [];
  const check = (root) => root.querySelectorAll('*').forEach((e) => {
    if (!['A', 'SPAN', 'CODE', 'DIV'].includes(e.tagName)) found.push(e.outerHTML);
    for (const {name, value} of e.attributes) {
      if (!['class', 'style', 'href', 'title', 'target', 'rel'].includes(name)) found.push(e.outerHTML);
      if (name === 'href' && !/^(\\/|https?:)/.test(value)) found.push(e.outerHTML);
    }
  });
  check(box);
  if (tooltip) {
    const hint = tooltip(null, component);
    if (!(hint instanceof HTMLElement)) found.push('a tooltip of text');
    else check(hint);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """An empty page that knows the formats and nothing else."""
    with profile() as context:
        opened_page = context.new_page()
        opened_page.add_script_tag(path=STATIC / "format.js")
        yield opened_page


@pytest.mark.parametrize("name", NUMBERS)
def test_the_browser_writes_a_number_as_the_server_does(page: Page, name: str):
    for number in (NUMBERS[name], NUMBERS[name].axis):
        seen = page.evaluate(f"(values) => values.map({number.js})", VALUES)
        differing = [
            (value, number(value), text) for value, text in zip(VALUES, seen, strict=True) if number(value) != text
        ]
        assert differing == []


def test_a_number_that_is_no_number_is_missing_on_both_sides(page: Page):
    assert page.evaluate(f"() => [{formats.percent.js}(NaN), {formats.percent.js}(undefined)]") == ["–", "–"]
    assert formats.percent(math.nan) == "–"


def test_the_two_would_be_seen_to_differ(page: Page):
    other = replace(formats.percent, most=3, least=3)
    assert page.evaluate(f"() => {other.js}(1.005)") != formats.percent(1.005)


@pytest.mark.parametrize(
    ("value", "markup"),
    [
        (1.5, '<span class="up">▲ +1.50 %</span>'),
        (-1.5, '<span class="down">▼ \u22121.50 %</span>'),
        (0.001, '<span class="muted">0.00 %</span>'),
        (None, '<span class="muted">–</span>'),
    ],
)
def test_a_signed_cell_has_colour_arrow_and_sign_or_none_of_them(page: Page, value: float | None, markup: str):
    show = f"fin.cell(fin.cells.signed({formats.signed_percent.js}))"
    assert page.evaluate(f"(value) => {show}({{getValue: () => value}})", value) == markup


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("TENCENT", "TENCENT"),
        ("PHOENIX EAGLE DAIRY ENTERPRISES", "PHOENIX EAGLE DAI…"),
        ("中國海洋石油有限公司", "中國海洋石油有限…"),
        ("\U00020000\U00020001石油有限公司公司", "\U00020000\U00020001石油有限公司…"),
    ],
)
def test_long_names_are_cut_by_their_width(page: Page, name: str, shown: str):
    assert page.evaluate("(name) => fin.shortened(name, 18)", name) == shown


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("fin run idx_brokers --session 2026-11-20 --refetch", ["fin run idx_brokers --session 2026-11-20 --refetch"]),
        (
            "lower rate_per_second or workers of the source in fin.toml, then: fin heal hkex_southbound --from 2026-11-02",
            ["fin heal hkex_southbound --from 2026-11-02"],
        ),
        (
            "check that the site answers (fin doctor); healing retries automatically, or: fin heal",
            ["fin doctor", "fin heal"],
        ),
        ("fin heal asks for that ticker again", ["fin heal"]),
        ("open the saved page; if the consent step is new, add it to the source's fetch.py", []),
    ],
)
def test_only_the_commands_of_a_sentence_are_set_as_code(page: Page, text: str, commands: list[str]):
    given = f"({code(_column(Column(field='mends', title='', format=COMMAND))['formatter'])})({{getValue: () => t}})"
    seen = page.evaluate(
        f"(t) => {{ const box = document.createElement('div'); box.innerHTML = {given};"
        " return [box.textContent, [...box.querySelectorAll('code')].map((e) => e.textContent)]; }",
        text,
    )
    assert seen == [text, commands]
    assert str(with_commands(text)).count("<code>") == len(commands)


def tables(content: object) -> list[Table]:
    """Return the tables of a page and of its parts."""
    found = [value for value in vars(content).values() if isinstance(value, Table)]
    for section in getattr(content, "_sections", []):
        found += tables(section)
    return found


def code(marked: str) -> str:
    """Return the JavaScript of a marked expression."""
    return marked.removeprefix(formats._MARK).removesuffix(formats._MARK)


def test_no_column_of_any_page_makes_markup_of_hostile_text(page: Page, build: CachedBuild):
    codes = {"/hk/stock/{code}": "700", "/idx/stock/{code}": "BBCA", "/idx/broker/{code}": "YP"}
    seen = 0
    for path in [page.path for area in SITE.areas for page in area.pages]:
        for table in tables(opened(build, path, code=codes.get(path, ""))):
            for column in table.pane._configuration["columns"]:
                tooltip = code(column["tooltip"]) if "tooltip" in column else "null"
                for hint in (tooltip, code(column["headerTooltip"])):
                    for value in HOSTILE:
                        given = f"[{code(column['formatter'])}, {hint}, {json.dumps(value)}]"
                        assert page.evaluate(f"() => ({MADE})({given})") == [], (path, column["field"], value)
                        seen += 1
    assert seen > 1_000
    assert page.evaluate("() => window.hacked") is None


def test_tooltips_of_charts_make_no_markup_of_hostile_text(page: Page):
    hostile = HOSTILE[0]
    made = page.evaluate(
        """(text) => [
          fin.charts.tip({data: {tip: [text, text]}}),
          fin.charts.session({formats: {}, notes: {[text]: text}})(
            [{axisValue: text, seriesName: text, marker: '', value: 1}]),
        ]""",
        hostile,
    )
    assert all("<img" not in markup and "&#60;img" in markup for markup in made)
