"""Types, units, errors, clock and ids that every floor shares; no I/O."""
