"""All small sources from request to page, in a process of its own: python -m tests.small_sources.everything HOME ...

Prints one JSON object: the states of the partitions, the rows of the marts, the text of the page, and modules of a browser.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

from fin_assets import clock
from fin_assets.definitions import build_definitions
from tests.small_sources.home import Home
from tests.small_sources.sources import navs, rates, trades


def page_of(home: Home) -> str:
    """Return the text of the page at /small, as the shell shows it to a reader."""
    import panel as pn

    import dashboards.areas
    from dashboards.app import discover
    from dashboards.ui.area import Site, Visit
    from dashboards.ui.build_cache import BuildCache
    from dashboards.ui.shell import Shell

    dashboards.areas.__path__.append(str(Path(__file__).with_name("areas")))
    areas = discover()
    [small] = [area for area in areas if area.key == "small"]
    shell = Shell(
        BuildCache(home.settings),
        site=Site(areas=areas),
        area=small,
        active="/small",
        make=lambda build: small.pages[0].content(build, Visit(area=small)),
    )
    return " ".join(str(pane.object) for pane in shell.page.select(pn.pane.HTML))


def main(root: str, project: str, inbox: str, closes_url: str, volumes_url: str, navs_url: str, *days: str) -> None:
    """Collect the days, build, open the page, and print what was seen."""
    data = Path(root) / "data"
    sources = [
        rates(closes_url=closes_url, volumes_url=volumes_url),
        trades(directory=Path(inbox), data=data),
        navs(url=navs_url),
    ]
    home = Home(Path(root), sources, project=Path(project))
    build_definitions(settings=home.settings, sources=home.sources, marts=False)
    states = {}
    for source in sources:
        for table in source.tables:
            name = f"{source.name}.{table.name}"
            results = home.collect(name, [date.fromisoformat(day) for day in days], at=clock.now())
            states[name] = {str(result.manifest.session): result.manifest.state.value for result in results}
    home.build(at=clock.now())
    marts = ("small__closes", "small__moves", "small__positions", "small__navs")
    seen = {
        "states": states,
        "rows": {name: home.mart(name).height for name in marts},
        "page": page_of(home),
        "browser": sorted(name for name in sys.modules if name.partition(".")[0] in {"playwright", "selenium"}),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
