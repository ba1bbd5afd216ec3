"""Southbound and northbound Stock Connect holdings and CCASS participants, from the exchange's search pages."""
