"""Dagster jobs and their schedules: what runs together, and when."""
