"""What every source shares. Nothing here knows a source by name."""
