"""The command ``quant``: parses, calls one function, prints. Nothing is decided here."""
