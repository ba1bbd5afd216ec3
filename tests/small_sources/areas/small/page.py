"""The page of the small area: the newest rows of each mart."""

from __future__ import annotations

from markupsafe import Markup
from panel.viewable import Viewable

from dashboards.ui.area import Heading, Visit
from dashboards.ui.build_cache import CachedBuild
from dashboards.ui.components import html, joined
from dashboards.ui.page import BasePage

LATEST = """
with everything as (
    select session_date, symbol as name, close_usd_cents as amount from small__closes
    union all select session_date, account, shares from small__positions
    union all select session_date, fund, nav_thb_satang from small__navs
)

select * from everything
where session_date = (select max(session_date) from everything)
order by name
"""


class Closes(BasePage):
    """Shows one line a row."""

    def __init__(self, build: CachedBuild, visit: Visit) -> None:
        super().__init__(build, visit)
        self.refresh(build)

    def shown(self) -> Viewable:
        """See `BasePage`."""
        line = Markup("<p>{} {} {}</p>")
        return html(joined(line.format(*row) for row in self.build.query(LATEST).iter_rows()))

    def heading(self) -> Heading:
        """Return the title, with the origin of the rows."""
        return Heading(title="Latest of the small sources", chips=(self.source_chip("small"),))
