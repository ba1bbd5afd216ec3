"""The Hong Kong pages, one module each."""
