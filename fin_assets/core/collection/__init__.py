"""Collecting partitions completely: expected units, fetching, acceptance, finalizing."""
