"""What is due at a close: looked at before the strategy is asked, and again once it has answered.

The world goes on while it thinks: an answer counts only where its own decision is still due then.
"""

from typing import Literal, NamedTuple, TypeAlias

Due: TypeAlias = Literal["withdraw", "nothing", "wait", "ask", "decide"]
"""Take back what could open; book only; note what hinders it; ask the strategy first; decide."""


class BookStanding(NamedTuple):
    """How a book stands at a close.

    Parameters
    ----------
    is_halted
        Whether nothing may be decided.
    closes
        Whether what is held is to be closed, with the bars.
    is_leaving
        Whether it has left its stage, so that it wants to be flat.
    is_bar, is_news
        Whether a bar of the strategy's was not decided on, or an event strategy has to be told something.
    hindered
        Why nothing at all can be decided, as one clause; empty if something can.
    pause, missed
        Why a strategy's decision waits: for the end of a funding slot, as it did not answer; empty if not.
    is_answered
        Whether the strategy was asked about this close.
    has_acted
        Whether it has acted at a copy of its desk then: that is taken over, and not asked for again.
    """

    is_halted: bool = False
    closes: bool = False
    is_leaving: bool = False
    is_bar: bool = False
    is_news: bool = False
    hindered: str = ""
    pause: str = ""
    missed: str = ""
    is_answered: bool = False
    has_acted: bool = False

    @property
    def wants_flat(self) -> bool:
        """Whether it is closed, whatever its strategy says."""
        return self.is_leaving or self.closes

    @property
    def waits_for(self) -> str:
        """Why the decision has to wait, as one clause; empty if it need not."""
        if self.has_acted:
            return ""
        return self.hindered or ("" if self.wants_flat else self.pause or self.missed)


def due(standing: BookStanding) -> Due:
    """Return what is due.

    Examples
    --------
    >>> asked = BookStanding(is_bar=True)
    >>> due(asked), due(asked._replace(is_answered=True)), due(asked._replace(is_leaving=True))
    ('ask', 'decide', 'decide')
    >>> due(asked._replace(is_answered=True, is_halted=True))  # halted while it thought
    'withdraw'
    >>> due(asked._replace(is_answered=True, hindered="an order is not settled"))
    'wait'
    >>> due(asked._replace(is_answered=True, has_acted=True, hindered="an order is not settled"))
    'decide'
    """
    if standing.is_halted and not standing.closes:
        return "withdraw"
    if not (standing.wants_flat or standing.is_bar or standing.is_news):
        return "nothing"
    if standing.waits_for:
        return "wait"
    return "decide" if standing.wants_flat or standing.is_answered else "ask"
