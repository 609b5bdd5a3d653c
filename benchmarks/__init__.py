"""Measurements, not tests: run from the repository's root with ``python -m benchmarks.NAME``."""
