"""What the database refuses to let go, and a test takes away."""

from sqlalchemy import Engine, text


def forget_records(engine: Engine) -> None:
    """Take away the records, and all that was made of them."""
    with engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))  # no trigger of ours fires
        connection.execute(text("truncate research.records cascade"))
