"""An address that leads nowhere."""

from __future__ import annotations

from panel.viewable import Viewable

from dashboards.components import empty_state
from dashboards.shell import Heading
from dashboards.store import Snapshot
from dashboards.theme import Palette


class Missing:
    """The page's content. `path` is what was asked for."""

    def __init__(self, *, path: str) -> None:
        self._path = path
        self.view: Viewable = empty_state(
            "There is no such page",
            [f"Nothing is served at {path}."],
            links=[
                ("Hong Kong overview", "/hk"),
                ("All Hong Kong stocks held", "/hk/stock"),
                ("Indonesia market", "/idx"),
                ("All Indonesian stocks", "/idx/screener"),
                ("Data", "/data"),
            ],
        )

    def heading(self) -> Heading:
        """See `shell.Body`."""
        return Heading(title="Page not found")

    def refresh(self, snapshot: Snapshot) -> None:
        """See `shell.Body`. Nothing here depends on a build."""

    def restyle(self, colours: Palette) -> None:
        """See `shell.Body`. Everything here follows by style sheet."""
