"""Tables and the files that they are taken home as."""

from __future__ import annotations

import zipfile

from dashboards.areas.hk.queries import market
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.tables import excel
from tests.areas.fake_build import sessions

LAST = sessions()[-1]


def test_an_excel_file_states_where_its_rows_come_from(build: CachedBuild):
    frame = market.movers(build, session=LAST, window=1)
    with zipfile.ZipFile(excel(frame, {"build": build.build_id, "as of": str(LAST)})) as book:
        assert {"xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"} <= set(book.namelist())
        assert build.build_id in book.read("xl/sharedStrings.xml").decode()
