"""Dagster sensors: what reacts by itself."""
