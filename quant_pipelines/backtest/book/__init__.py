"""A book that is driven bar by bar: the paper broker, and the event backtest."""
