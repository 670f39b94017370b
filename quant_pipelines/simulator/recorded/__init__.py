"""The recorded market: real history of an archive, moved in time and played as if it were now."""
