"""JSON and HTML of the Indonesian sites: text out of values, nothing decided, nothing looked up."""
