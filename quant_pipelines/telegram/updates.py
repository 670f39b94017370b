"""What an update of Telegram means: words of somebody in a private chat, or nothing to act on; pure."""

from typing import Any, Final, NamedTuple, TypeGuard

_LONGEST: Final = 500
_MOST_ID: Final = 2**53
_HANDED_ON: Final = ("forward_origin", "forward_date", "forward_from", "forward_sender_name", "via_bot")


class Words(NamedTuple):
    """What somebody wrote to the bot.

    Parameters
    ----------
    update_id
        Number of the update.
    sender
        Number of the account that wrote it; in a private chat also that of the chat.
    text
        As it was written, at most 500 characters.
    sent_at
        Seconds since the epoch, by Telegram's clock.
    refusal
        Why it is not acted on, in a sentence for a listed sender; empty: it is.
    """

    update_id: int
    sender: int
    text: str
    sent_at: int
    refusal: str = ""


class PassedOver(NamedTuple):
    """An update that nobody is answered about: another kind, a channel's, a bot's, or malformed."""

    update_id: int
    why: str


def update_id_of(update: Any) -> int | None:
    """Read the number of an update; None where it has none, so that it can't even be confirmed."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if _is_id(number) else None


def read_update(update_id: int, update: dict[str, Any]) -> Words | PassedOver:
    """Read one update.

    Edited messages, callbacks and posts of channels are passed over: only what was newly written counts.

    Examples
    --------
    >>> chat = {"id": 7, "type": "private"}
    >>> message = {"chat": chat, "from": {"id": 7}, "date": 10, "text": "/status"}
    >>> read_update(1, {"message": message})
    Words(update_id=1, sender=7, text='/status', sent_at=10, refusal='')
    >>> read_update(2, {"edited_message": message})
    PassedOver(update_id=2, why='no new message')
    """
    message = update.get("message")
    if not isinstance(message, dict):
        return PassedOver(update_id, "no new message")
    sender, chat, sent_at = message.get("from"), message.get("chat"), message.get("date")
    if not isinstance(sender, dict) or not isinstance(chat, dict) or not _is_id(sent_at):
        return PassedOver(update_id, "no sender, chat or date")
    number = sender.get("id")
    if not _is_id(number) or sender.get("is_bot") is True or "sender_chat" in message:
        return PassedOver(update_id, "not written by a person's account")
    text = message.get("text")
    is_private = chat.get("type") == "private" and chat.get("id") == number
    refusal = "" if is_private else "commands are taken in the private chat with this bot only"
    if any(mark in message for mark in _HANDED_ON):
        refusal = refusal or "forwarded messages are not acted on; expected a command that you write"
    if not isinstance(text, str):
        refusal = refusal or "only text is understood; /help lists the commands"
    return Words(update_id, number, _whole(text) if isinstance(text, str) else "", sent_at, refusal)


def _whole(text: str) -> str:
    # Half of a pair of surrogates can be neither sent nor written down.
    return text[:_LONGEST].encode(errors="replace").decode()


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_ID
