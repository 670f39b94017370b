"""What the market says, from the collector or from the exchange."""
