"""The commands of `fin`, one module each, and their shared parts. Only `fin_assets.cli` imports from here."""
