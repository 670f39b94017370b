"""Self-contained HTML pages of backtests, comparisons and walk-forwards; nothing is downloaded."""
