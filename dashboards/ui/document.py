"""The document around every page: Panel's material template, without what it spends on being busy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bokeh.model import Model
from panel_material_ui.template.base import Page


class Document(Page):
    """A page whose sign of being busy costs nothing.

    The server is busy twice for each message and timer. Panel looks through every model of a page whenever one of the
    page's properties changes, and that was half of the processor's time of opening a page.
    """

    def _set_on_model(self, msg: Mapping[str, Any], root: Model, model: Model) -> list[str]:
        if msg.keys() == {"busy"}:
            model.update(busy=msg["busy"])
            return ["busy"]
        changed: list[str] = super()._set_on_model(msg, root, model)
        return changed
