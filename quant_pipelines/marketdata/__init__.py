"""From the exchange into the database: ingestion, roll-ups, quality checks and the hot-coin scan."""
