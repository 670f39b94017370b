"""API and console: one process that shows what is stored and passes on what people ask for.

It decides nothing: roles, codes, guards and second persons are those of ``operations`` and of the database.
"""
