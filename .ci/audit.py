"""Asks for known security holes of everything that the locks install; ends with 1 where there is one.

Where nobody answers, as without a network, it says so and proves nothing.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCKS = ("requirements.lock", "requirements-dev.lock", "deploy/requirements.lock")
SECONDS = 300
AWAY = ("Connection", "resolve", "timed out", "Max retries")
"""Words of complaints about the network."""


def ask(lock: str) -> list[dict[str, Any]] | None:
    """Read the packages of a lock with what is known of them; None where nobody answers.

    Raises
    ------
    SystemExit
        If it failed for another reason.
    """
    program = Path(sys.executable).with_name("pip-audit")
    command = [str(program), "--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    try:
        done = subprocess.run(
            [*command, f"--requirement={lock}"], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        if any(word in done.stderr for word in AWAY):
            return None
        told = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        sys.exit(f"audit of {lock} failed: {told[-1]}")
    return found


def main() -> int:
    """Print one line a hole, and one for each lock."""
    holes = 0
    for lock in LOCKS:
        packages = ask(lock)
        answered = [one for one in packages or () if "vulns" in one]
        if not packages or not answered:
            print(f"audit of {lock}: nobody answers here, so nothing is proven")
            continue
        found = [(one, hole) for one in answered for hole in one["vulns"]]
        for one, hole in found:
            fixed = ", ".join(hole["fix_versions"]) or "no release"
            print(f"{one['name']} {one['version']}: {hole['id']}, mended in {fixed}")
        print(f"audit of {lock}: {len(answered)} of {len(packages)} packages are known, {len(found)} holes")
        holes += len(found)
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
