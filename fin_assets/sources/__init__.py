"""One folder per source; see docs/adding-a-source.md."""
