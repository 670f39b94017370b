"""How the runner lives: stand by, become the writer, trade, beat, end."""
