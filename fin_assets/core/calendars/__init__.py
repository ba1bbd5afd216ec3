"""Trading sessions of exchanges, corrected by dated overrides."""
