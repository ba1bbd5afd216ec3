"""The sites, one folder for each source. The folders are found by looking here; nothing is registered."""
