"""Indonesia: the exchange's market-wide lists, and what every broker bought and sold of every company, by session."""
