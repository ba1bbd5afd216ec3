"""HTML of the embedded sites: text out of values, nothing decided, nothing looked up."""
