"""Dagster assets: what exists, from the exchange to the scorecard of a deployment."""
