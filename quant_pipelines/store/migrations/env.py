"""Alembic environment: runs on the connection that ``store.migrate`` hands over."""

from alembic import context

from quant_pipelines.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_schemas=True,
    version_table_schema="ops",
    version_table="alembic_version",
)
with context.begin_transaction():
    context.run_migrations()
