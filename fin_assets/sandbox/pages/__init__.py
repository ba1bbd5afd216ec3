"""Pages that every site may show in place of its own: text out of values, nothing decided, nothing looked up."""
