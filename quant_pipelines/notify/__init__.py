"""Tells people: alerts go out through channels, each with its least severity, until somebody knows."""
