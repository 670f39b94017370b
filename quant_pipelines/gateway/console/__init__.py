"""Console: pages that show what the API reads, and forms that ask for its verbs; no queries of its own."""
