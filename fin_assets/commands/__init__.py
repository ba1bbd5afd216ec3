"""The commands of `fin`, one module each, and what they share. Only `fin_assets.cli` imports from here."""
