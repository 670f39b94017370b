"""What several books in one account add: shares, one cash, a time grid, flows."""
