"""How answers read: plain text, no longer than Telegram takes; pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from quant_pipelines.core.stages import LADDER
from quant_pipelines.telegram.commands import ChatQuestion, TighteningAct

LONGEST: Final = 4096
"""Characters of a message, counted as Telegram does: in UTF-16."""
_MORE: Final = "… {} lines more: the console shows them"
_ROOM: Final = 60


def within_limit(text: str) -> str:
    """Text that Telegram takes: lines that do not fit are counted instead.

    Examples
    --------
    >>> within_limit("all is well")
    'all is well'
    >>> len(within_limit("x" * 5000))
    4036
    """
    text = text.strip() or "…"
    if _units(text) <= LONGEST:
        return text
    lines, kept, room = text.split("\n"), [], LONGEST - _ROOM
    for line in lines:
        room -= _units(line) + 1
        if room < 0:
            break
        kept.append(line)
    if not kept:
        # Half of a pair of surrogates that the cut leaves is dropped.
        return lines[0].encode("utf-16-le")[: 2 * (LONGEST - _ROOM)].decode("utf-16-le", errors="ignore")
    return "\n".join([*kept, _MORE.format(len(lines) - len(kept))])


def answer_of(question: ChatQuestion, document: Mapping[str, Any]) -> str:
    """Put what the gateway answered into words."""
    return within_limit(_ANSWERS[question](document))


def prompt_of(act: TighteningAct, code: str, seconds: float) -> str:
    """Say what is about to be done, and what confirms it.

    Examples
    --------
    >>> print(prompt_of(TighteningAct("pause", "account"), "0471", 60))
    This stops every decision of the whole account until it is resumed; stops go on working.
    To do it, answer within 60 s: /confirm 0471
    """
    whom = "the whole account" if act.scope == "account" else act.scope
    does = {
        "pause": f"This stops every decision of {whom} until it is resumed; stops go on working.",
        "flatten": f"This closes all that {whom} holds, at the market, and halts it until it is resumed.",
    }[act.what]
    return f"{does}\nTo do it, answer within {seconds:.0f} s: /confirm {code}"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _status(document: Mapping[str, Any]) -> str:
    seen = document.get("last_sign_of_life")
    lines = [f"Runner: {document['state']}, last sign of life {_at(seen)}"]
    lines += [f"Away: {row.get('message', row.get('source', ''))}" for row in document["outages"]]
    lines += [
        f"Halted: {row['source']} since {_at(row['at'])}: {row['message']}" for row in document["halts"]
    ]
    lines += [f"Waits for a second person: {_proposal(row)}" for row in document["proposals"]]
    lines += [] if document["halts"] else ["No halt stands"]
    return "\n".join(lines)


def _proposal(row: Mapping[str, Any]) -> str:
    return f"{row.get('subject', '')} to {row.get('target', '')}, by {row.get('proposer', '')}"


def _profit(document: Mapping[str, Any]) -> str:
    traded = [row for row in document["rows"] if row["stage"] in LADDER]
    known = [row for row in traded if row["equity"] is not None]
    total = sum((_earned(row) for row in known), Decimal(0))
    capital = sum((Decimal(row["capital"]) for row in known), Decimal(0))
    head = f"Against capital: {_signed(total)}{_share(total, capital)}, {_at(document['as_of'])}"
    lines = [f"{_name(row)} {row['stage']}: {_signed(_earned(row))}{_of_capital(row)}" for row in known]
    return "\n".join([head, *lines, *(f"{_name(row)}: no bar yet" for row in traded if row not in known)])


def _positions(document: Mapping[str, Any]) -> str:
    lines = [_held(row) for row in document["rows"]]
    return "\n".join([f"{len(lines) or 'Nothing is'} held, {_at(document['as_of'])}", *lines])


def _held(row: Mapping[str, Any]) -> str:
    quantity, entry = Decimal(row["quantity"]), Decimal(row["entry_price"])
    price = None if row["price"] is None else Decimal(str(row["price"]))
    open_profit = (
        "" if price is None else f", now {_plain(price)}, open {_signed(quantity * (price - entry))}"
    )
    stop = "" if row["stop_price"] is None else f", stop {_plain(Decimal(row['stop_price']))}"
    held = f"{_plain(quantity)} at {_plain(entry)}{open_profit}{stop}"
    return f"{row['deployment_id']} {row['strategy']} {row['symbol']}: {held}"


def _earned(row: Mapping[str, Any]) -> Decimal:
    return Decimal(str(row["equity"])) - Decimal(row["capital"])


def _of_capital(row: Mapping[str, Any]) -> str:
    return _share(_earned(row), Decimal(row["capital"]))


def _share(part: Decimal, whole: Decimal) -> str:
    return f" ({100 * part / whole:+.2f} %)" if whole > 0 else ""


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['id']} {row['strategy']} {row['symbol']} {row['timeframe']}"


def _signed(value: Decimal) -> str:
    return f"{value:+,.2f}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _at(text: Any) -> str:
    """Time as the gateway has it, to the second."""
    return f"{str(text)[:19].replace('T', ' ')} UTC" if text else "never"


_ANSWERS: Final[Mapping[ChatQuestion, Callable[[Mapping[str, Any]], str]]] = {
    "status": _status,
    "profit": _profit,
    "positions": _positions,
}
