"""A financial lakehouse built from software-defined assets."""
