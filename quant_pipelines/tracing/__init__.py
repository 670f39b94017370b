"""Traces of the decision chain for OpenTelemetry, made of committed rows: nobody who trades waits."""
