"""How bytes are had from a site: browser, HTTP, files, with rates, quotas and the classes of refusal."""
