"""The commands, as they are written. None of them loosens: there is no resume, no limit, no stage."""

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias, cast, get_args

ChatQuestion: TypeAlias = Literal["status", "profit", "positions"]
ChatAct: TypeAlias = Literal["pause", "flatten"]
CodeOf: TypeAlias = Literal["login", "confirm"]
HELP: Final = (
    "/login CODE: your authenticator's code; asked for once, and again when the login ends\n"
    "/status: how the runner is, what is halted or away\n"
    "/profit: what each deployment earned\n"
    "/positions: what is held\n"
    "/pause [deployment:ID]: no decision any more until it is resumed; stops go on working\n"
    "/flatten [deployment:ID]: close what is held, and pause\n"
    "/confirm CODE: the four digits that /pause and /flatten ask for\n"
    "/logout: end the login\n"
    "Without a deployment the whole account is meant. Resuming is done at the console or the command line."
)
QUESTIONS: Final[frozenset[str]] = frozenset(get_args(ChatQuestion))
ACTS: Final[frozenset[str]] = frozenset(get_args(ChatAct))
_SCOPE: Final = re.compile(r"account|(?:deployment:)?(\d{1,9})")
_DIGITS: Final[Mapping[CodeOf, int]] = {"login": 6, "confirm": 4}


class ChatQuery(NamedTuple):
    """Somebody wants to read."""

    question: ChatQuestion


class TighteningAct(NamedTuple):
    """Somebody wants to tighten; it waits for a confirmation."""

    what: ChatAct
    scope: str


class GivenCode(NamedTuple):
    """Somebody gives a code."""

    of: CodeOf
    code: str


class Other(NamedTuple):
    """Help, the end of a login, or something that is answered with ``sentence``."""

    what: Literal["help", "logout", "unknown"]
    sentence: str = ""


ChatCommand: TypeAlias = ChatQuery | TighteningAct | GivenCode | Other


def read_command(text: str) -> ChatCommand:
    """Read what somebody wrote.

    Examples
    --------
    >>> read_command("/flatten 3")
    TighteningAct(what='flatten', scope='deployment:3')
    >>> read_command("/confirm@desk_bot 0471")
    GivenCode(of='confirm', code='0471')
    >>> read_command("resume").what
    'unknown'
    """
    words = text.split()
    name = words[0].lower().partition("@")[0].removeprefix("/") if text.startswith("/") and words else ""
    rest = words[1:]
    if name in QUESTIONS and not rest:
        return ChatQuery(cast(ChatQuestion, name))
    if name in ACTS:
        return _act(cast(ChatAct, name), rest)
    if name in _DIGITS:
        return _code(cast(CodeOf, name), rest)
    if name in ("help", "start"):
        return Other("help", HELP)
    if name == "logout" and not rest:
        return Other("logout")
    return Other("unknown", f"{text!r:.60} is no command; /help lists them")


def command_word(text: str) -> str:
    """First word of what was written: what may be stored and logged of it, without any code.

    Examples
    --------
    >>> command_word("/login 123456")
    '/login'
    """
    words = text.split()
    return words[0][:32] if words and words[0].startswith("/") else "text"


def _act(what: ChatAct, rest: list[str]) -> ChatCommand:
    found = _SCOPE.fullmatch(rest[0]) if rest else None
    if len(rest) > 1 or (rest and found is None):
        return Other("unknown", f"/{what} {' '.join(rest)!r:.60}; expected account or deployment:ID")
    number = found[1] if found else None
    return TighteningAct(what, f"deployment:{int(number)}" if number else "account")


def _code(of: CodeOf, rest: list[str]) -> ChatCommand:
    digits, code = _DIGITS[of], "".join(rest)
    if len(code) != digits or not (code.isascii() and code.isdigit()):
        return Other("unknown", f"/{of} needs its code; expected {digits} digits")
    return GivenCode(of, code)
