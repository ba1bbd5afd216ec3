"""The Indonesian pages, one module each."""
