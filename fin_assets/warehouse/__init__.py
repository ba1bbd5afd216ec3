"""The marts: inputs, build, publishing and reading. This package knows the meaning of no source."""
