"""One deployment: its strategy, its bars, its decisions, its book on paper."""
