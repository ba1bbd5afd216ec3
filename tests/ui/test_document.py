"""The document around a page."""

from __future__ import annotations

import panel as pn
import param
import pytest
from bokeh.model import Model

from dashboards.ui.document import Document


def test_being_busy_is_shown_without_a_look_through_the_whole_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Document(main=[pn.pane.HTML("<h1>Prices</h1>")], title="Prices")
    root = page.get_root()
    looked: list[object] = []
    monkeypatch.setattr(Model, "select", lambda _self, query: looked.append(query) or [])
    with param.edit_constant(page):
        page.busy = True
    assert root.data.busy is True
    assert looked == []
    page.title = "Holdings"
    assert root.data.title == "Holdings"
    assert looked, "any other change still does"
