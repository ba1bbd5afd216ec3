"""One module a page: its state, its view. A page's figures come from `dashboards.queries`."""
