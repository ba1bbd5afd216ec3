"""Tables and the files that they are taken home as."""

from __future__ import annotations

import re
import zipfile

import polars as pl

from dashboards.areas.hk.queries import market
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.tables import excel, harmless
from tests.areas.fake_build import sessions

LAST = sessions()[-1]


def test_an_excel_file_states_where_its_rows_come_from(build: CachedBuild):
    frame = market.movers(build, session=LAST, window=1)
    with zipfile.ZipFile(excel(frame, {"build": build.build_id, "as of": str(LAST)})) as book:
        assert {"xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"} <= set(book.namelist())
        assert build.build_id in book.read("xl/sharedStrings.xml").decode()


FORMULAS = [
    "=1+1",
    "+1",
    "-2+3",
    "@sum(a1)",
    "\t=1",
    "\r=1",
    " =1",
    "\u00a0=1",
    "\uff1d1",
    '=hyperlink("http://x.example")',
]
PLAIN = ["PING AN", "A=B", "5-1", "", "<b>", "http://x.example", "0700", "–"]


def test_a_text_that_a_spreadsheet_would_compute_has_an_apostrophe_in_front_in_csv():
    frame = pl.DataFrame({"name": [*FORMULAS, *PLAIN, None]})
    kinds = frame.with_columns(kind=pl.col("name").cast(pl.Categorical))
    for column in ("name", "kind"):
        written = harmless(kinds)[column].to_list()
        assert written == [f"'{text}" for text in FORMULAS] + PLAIN + [None]


def test_numbers_and_dates_of_a_csv_file_are_untouched():
    frame = pl.DataFrame({"change": [-1, 2], "share": [-0.5, 0.5], "day": [LAST, LAST], "name": ["-x", "y"]})
    assert harmless(frame).drop("name").equals(frame.drop("name"))
    assert harmless(frame).write_csv().splitlines()[1].startswith("-1,-0.5,")


def test_an_excel_file_holds_neither_formulas_nor_links_nor_numbers_made_of_text():
    texts = [*FORMULAS, *PLAIN, "{=1+1}", "mailto:a@x.example", "internal:data!A1", "00700"]
    with zipfile.ZipFile(excel(pl.DataFrame({"name": texts, "n": range(len(texts))}), {"=1": "=2"})) as book:
        assert not [name for name in book.namelist() if "rels" in name and b"hyperlink" in book.read(name)]
        for name in [name for name in book.namelist() if "worksheets/sheet" in name]:
            sheet = book.read(name).decode()
            assert "<f>" not in sheet
            assert "<hyperlink" not in sheet
        data = book.read("xl/worksheets/sheet1.xml").decode()
        written = [text for text in texts if text]
        assert len(re.findall(r'<c r="A\d+"[^>]* t="s"', data)) == len(written) + 1, "every text is stored as text"
