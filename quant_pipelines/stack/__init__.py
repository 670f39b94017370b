"""Starts and supervises every process of one machine; never imports what it starts."""
