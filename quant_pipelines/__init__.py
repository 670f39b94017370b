"""Crypto strategies that optimize, prove and trade themselves."""
