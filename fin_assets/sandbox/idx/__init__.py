"""The embedded Indonesian sites: idx.co.id's market-wide JSON and IndoPremier's broker tables, over one market.

A generated or given market (`market.py`) says what the exchange states of a session; `flows.py` makes the broker tables
that add up to it; `site.py` decides what a request gets.
"""
