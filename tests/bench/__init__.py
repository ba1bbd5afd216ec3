"""Benchmarks: `python -m tests.bench [name ...]`. Each module that has `measure` is one; none runs under pytest."""
