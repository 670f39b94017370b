"""The collector: the one process that listens to the market for everybody else; it never trades."""
