"""HTML of HKEXnews: text out of values, nothing decided, nothing looked up."""
