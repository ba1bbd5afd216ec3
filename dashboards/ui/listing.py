"""A table that a reader filters and whose columns the reader chooses; both stand in the address."""

# Panel's own classes have untyped constructors.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import panel_material_ui as pmui
import param
import polars as pl
from markupsafe import Markup

from dashboards.ui import filters
from dashboards.ui.components import html
from dashboards.ui.tables import Table
from dashboards.ui.urlstate import UrlState


class ListState(UrlState):
    """The choices of a page with a listing."""

    where: Any = param.String(default="", doc="conditions, as `filters.condition` reads them")
    columns: Any = param.String(default="", doc="fields shown, separated by commas; empty shows those of the page")


_WRONG = Markup('<p role="alert" class="wrong">{}</p>')


class Listing:
    """Controls above a table. The table's own file has all columns of the rows that the filter keeps."""

    def __init__(self, state: ListState, table: Table, *, example: str, left_out: Collection[str] = ()) -> None:
        """Make the controls.

        Args:
            state: of the page.
            table: with all columns that can be shown.
            example: a filter, shown while there is none.
            left_out: fields that are not shown until a reader chooses them.
        """
        self.table, self._state = table, state
        self._titles = {column.field: column.title for column in table.columns}
        self._first = [field for field in self._titles if field not in left_out]
        self._frame = pl.DataFrame()
        self.filter = pmui.TextInput.from_param(
            state.param.where, label="Filter", placeholder=example, description="", size="small", margin=0, width=300
        )
        self.columns = pmui.MultiChoice(
            label="Columns",
            options={title: field for field, title in self._titles.items()},
            value=self._first,
            chip=False,
            sx={"& .MuiSelect-select": {"padding": "8.5px 14px"}},
            margin=0,
            width=190,
            sizing_mode=None,
        )
        self.problem = html("", visible=False)
        self.columns.param.watch(self._columns_chosen, "value")
        state.param.watch(lambda *_: self._show_columns(), "columns")
        state.param.watch(lambda *_: self._show_rows(), ["where", "columns"])
        self._show_columns()

    @property
    def rows(self) -> int:
        """How many rows the filter keeps."""
        return self.table.frame.height

    def show(self, frame: pl.DataFrame) -> None:
        """Replace the rows, of which the filter keeps some."""
        self._frame = frame
        self._show_rows()

    def _show_rows(self) -> None:
        unknown = [field for field in self._state.columns.split(",") if field and field not in self._titles]
        wrong = f"No column {', '.join(unknown)}; there are {', '.join(self._titles)}" if unknown else ""
        kept = self._frame
        if self._frame.width:
            try:
                kept = kept.filter(filters.condition(self._state.where, titles=self._titles, schema=kept.schema))
            except filters.BadFilter as error:
                wrong = f"The filter is not applied. {error}."
        self.problem.object = _WRONG.format(wrong)
        self.problem.visible = bool(wrong)
        if self._frame.width:
            self.table.show(kept)

    def _chosen(self) -> list[str]:
        asked = self._state.columns.split(",")
        return [field for field in self._titles if field in asked] or self._first

    def _show_columns(self) -> None:
        chosen = self._chosen()
        self.table.pane.hidden_columns = [field for field in self._titles if field not in chosen]
        self.columns.param.update(value=chosen, value_label=f"{len(chosen)} of {len(self._titles)}")

    def _columns_chosen(self, event: Any) -> None:
        chosen = [field for field in self._titles if field in event.new]
        self._state.columns = "" if chosen == self._first or not chosen else ",".join(chosen)
