"""What is kept of what an event strategy has done at a copy of its desk, once its book is had again.

It acts while nobody holds the book, and what it has done there is taken over once, whatever happened
meanwhile: it is not asked again about that close. A pure function.

===================================================  =================  ===================  =========
what has happened since it was asked, the first      an order that      an order that only   a cancel
that applies                                         may open is        reduces is           is
===================================================  =================  ===================  =========
the book is halted, is closed, or has left its       dropped            dropped              kept
stage
an exit that no order of its own made, or other      dropped            kept                 kept
limits
anything else: fills and ends of its own orders      kept               kept                 kept
===================================================  =================  ===================  =========

What is dropped is told it as canceled, what it does not know yet as ever, both when it is asked next. What is
kept of a venue's orders still goes by `trading.wished`: an order that no longer fits is never sent.
"""

from typing import Literal, NamedTuple, TypeAlias

DropReason: TypeAlias = Literal[
    "the book was halted, closed or taken off its stage before it was placed",
    "the position was left by another exit before it was placed",
    "limits were set anew before it was placed",
]


class Since(NamedTuple):
    """What has happened to a book since its strategy was asked.

    Parameters
    ----------
    decides
        Whether its decisions count: the book is neither halted nor closed, and has not left its stage.
    is_left
        Whether something was filled without an order of the strategy's: a stop, or somebody by hand.
    has_new_limits
        Whether it trades within other limits or rules.
    """

    decides: bool = True
    is_left: bool = False
    has_new_limits: bool = False


def dropped(since: Since, *, reduce_only: bool) -> DropReason | None:
    """Return why an order that was placed at the copy is not placed; None if it is.

    Examples
    --------
    >>> from quant_pipelines.trading.kept import Since, dropped
    >>> dropped(Since(is_left=True), reduce_only=False)
    'the position was left by another exit before it was placed'
    >>> dropped(Since(is_left=True), reduce_only=True) is None
    True
    """
    if not since.decides:
        return "the book was halted, closed or taken off its stage before it was placed"
    if reduce_only:
        return None
    if since.is_left:
        return "the position was left by another exit before it was placed"
    return "limits were set anew before it was placed" if since.has_new_limits else None
