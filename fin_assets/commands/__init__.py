"""The commands of `fin`, one module each, and what they share. Nothing outside of `fin_assets.cli` imports from here."""
