"""Which texts name a database, how Dagster's is spelled beside ours, and that no password is shown."""

import pytest
from sqlalchemy import make_url

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.store.database_url import dagster_url, require_database_url

SPELLED = {
    "postgresql://q:p@h:1/quant": "postgresql+psycopg2://q:p@h:1/dagster",
    "postgresql+psycopg://q:p@h:1/quant": "postgresql+psycopg2://q:p@h:1/dagster",
    "postgres://h/prices": "postgresql+psycopg2://h/prices_dagster",
    "postgresql://u:p%40x/y:z@[::1]:54/quant": "postgresql+psycopg2://u:p%40x/y:z@[::1]:54/dagster",
    "postgresql://u:p@/quant?host=/tmp&port=5": "postgresql+psycopg2://u:p@/dagster?host=/tmp&port=5",
    "postgresql:///quant": "postgresql+psycopg2:///dagster",
}


@pytest.mark.parametrize("url", SPELLED)
def test_only_driver_and_database_differ(url: str) -> None:
    assert dagster_url(url) == SPELLED[url]
    ours, theirs = make_url(url), make_url(dagster_url(url))
    assert theirs == ours.set(drivername="postgresql+psycopg2", database=theirs.database)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "",
        "mysql://a:s3cret@b/c",
        "mysql://a:p@s3cret@b/c",
        "postgresql://a:s3cret@b",
        "postgresql://a:s3cret@b:port/c",
        "postgresql://a:p@s3cret@b",
        "postgresql://a:p/s3cret@b",
    ],
)
def test_what_names_no_postgresql_database_is_refused_without_its_password(url: str) -> None:
    expected = "expected postgresql://user:password@host:port/database"
    with pytest.raises(ConfigurationError, match=expected) as refused:
        require_database_url(url)
    assert "s3cret" not in str(refused.value)
