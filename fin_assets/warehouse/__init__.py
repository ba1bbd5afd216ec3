"""The marts: what they are built from, the build, publishing and reading. Nothing here knows what a source means."""
