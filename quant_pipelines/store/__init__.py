"""PostgreSQL: tables, migrations and the only SQL of the system.

Whatever needs the database raises `StoreError` when it does not answer, see `quant_pipelines.store.engine`.
"""
