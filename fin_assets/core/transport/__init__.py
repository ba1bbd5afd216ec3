"""How bytes are fetched from a site: browser, HTTP, files, with rates, quotas and the classes of refusal."""
