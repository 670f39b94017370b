"""What a book reads: bars prepared for a pass, marks, order books, settings, factors of stops."""
