"""A name that means something else for as long as a block lasts."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeAlias

Block: TypeAlias = AbstractContextManager[Any]
Change: TypeAlias = Callable[[Any], Any]
"""From what a name meant to what it means while it is broken."""


@contextmanager
def changed(*changes: tuple[Any, str, Change]) -> Iterator[None]:
    """Let names mean something else inside the block."""
    with ExitStack() as stack:
        for owner, name, change in changes:
            kept = owner.__dict__[name]
            setattr(owner, name, change(kept))
            stack.callback(setattr, owner, name, kept)
        yield
