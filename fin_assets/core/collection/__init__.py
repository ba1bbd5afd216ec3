"""Collecting partitions completely: what is expected, what is fetched, what is accepted, what is finished."""
