"""Schema ``trading``: what was tried of the code that sends orders."""

from sqlalchemy import Boolean, Column, Table

from quant_pipelines.store.tables.base import document, identity, metadata, moment, text

certificates = Table(
    "certificates",
    metadata,
    identity(),
    text("exchange", comment="ccxt id"),
    text("place", comment="demo, or the address of a simulated venue"),
    text("version", comment="of the code that sends orders"),
    Column("passed", Boolean, nullable=False),
    document("steps", comment="what was tried, whether it held, what was seen"),
    text("operator"),
    moment("at"),
    schema="trading",
    comment="What was tried before real orders: without a record of this code they are locked",
)
