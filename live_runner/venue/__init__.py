"""One deployment at a venue: orders, fills, stops, and the comparison of books."""
