"""One execution bar of one book: its values, fills, stops, orders that rest, what is logged of it."""
