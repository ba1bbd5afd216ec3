"""Dagster: assets, checks, jobs, schedules, automation. The only part of core that imports it."""
