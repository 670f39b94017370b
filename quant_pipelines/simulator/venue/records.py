"""Everything the ledger remembers: one frozen record, one table of the ledger file.

Field types are columns: ``int`` and ``bool`` are INTEGER, ``str`` and ``Decimal`` are TEXT (an exact number
has no other home in SQLite).
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, TypeAlias

ZERO = Decimal(0)

BUY, SELL = "BUY", "SELL"
ONE_WAY = "BOTH"
"""Position side of a one-way account; hedge mode keeps its flag but takes no orders."""

OPEN_ORDER = ("NEW", "PARTIALLY_FILLED")
OPEN_ALGO = ("NEW", "TRIGGERING")
LIQUIDATION_PREFIX = "autoclose-"
"""How client order ids of liquidations begin."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order in the book, or one that has been there.

    Parameters
    ----------
    number
        The venue's order id.
    client_id
        Client order id; unique among open orders only.
    kind
        ``LIMIT`` or ``MARKET``.
    quantity, filled
        Ordered and executed quantity, base.
    price
        Limit price; 0 for a market order.
    quote
        Value of the executed quantity, quote.
    algo
        Conditional order that it came from; 0 for none.
    price_match
        Rank of the book that its price was taken from, or ``NONE``.
    self_trades
        What the client said of trades with itself.
    """

    TABLE: ClassVar[str] = "orders"
    KEY: ClassVar[str] = "number"

    number: int
    client_id: str
    symbol: str
    side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    close_position: bool
    algo: int
    good_till_ms: int
    status: str
    filled: Decimal
    quote: Decimal
    created_ms: int
    updated_ms: int
    price_match: str = "NONE"
    self_trades: str = "EXPIRE_MAKER"

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled."""
        return self.status in OPEN_ORDER

    @property
    def leaves(self) -> Decimal:
        """Quantity that is not filled yet."""
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """Average price of its fills; 0 without any."""
        return self.quote / self.filled if self.filled else ZERO

    @property
    def is_liquidation(self) -> bool:
        """Whether the venue itself sent it to close a position."""
        return self.client_id.startswith(LIQUIDATION_PREFIX)


@dataclass(frozen=True, slots=True)
class AlgoOrder:
    """A conditional order: it waits outside the book and sends an order when its price comes.

    Parameters
    ----------
    trigger_price
        Price that sends the order; 0 for a trailing stop.
    price
        Limit price of the order that is sent; 0 sends a market order.
    callback_rate
        Percent that a trailing stop stays behind the best price.
    activate_price
        Price that wakes a trailing stop; 0 means awake at once.
    extreme_price
        Best price since a trailing stop woke; 0 while it sleeps.
    child
        Order that was sent; 0 before.
    price_match
        Rank of the book that its limit price is taken from when it triggers, or ``NONE``.
    is_protected
        Whether it waits while last and mark price are too far apart.
    """

    TABLE: ClassVar[str] = "algo_orders"
    KEY: ClassVar[str] = "number"

    number: int
    client_id: str
    symbol: str
    side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    trigger_price: Decimal
    price: Decimal
    callback_rate: Decimal
    activate_price: Decimal
    extreme_price: Decimal
    working_type: str
    reduce_only: bool
    close_position: bool
    child: int
    status: str
    created_ms: int
    updated_ms: int
    triggered_ms: int
    price_match: str = "NONE"
    is_protected: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it can still trigger."""
        return self.status in OPEN_ALGO


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One execution; ``realized_pnl`` is before the fee."""

    TABLE: ClassVar[str] = "fills"
    KEY: ClassVar[str] = "number"

    number: int
    order_number: int
    symbol: str
    side: str
    price: Decimal
    quantity: Decimal
    quote: Decimal
    realized_pnl: Decimal
    fee: Decimal
    is_maker: bool
    ts_ms: int


@dataclass(frozen=True, slots=True)
class IncomeRecord:
    """One change of the wallet; the wallet is the sum of these rows and nothing else.

    Parameters
    ----------
    kind
        ``TRANSFER``, ``REALIZED_PNL``, ``COMMISSION``, ``FUNDING_FEE`` or ``INSURANCE_CLEAR``.
    trade
        Fill that it belongs to; 0 for none.
    """

    TABLE: ClassVar[str] = "income"
    KEY: ClassVar[str] = "number"

    number: int
    kind: str
    symbol: str
    amount: Decimal
    trade: int
    ts_ms: int


@dataclass(frozen=True, slots=True)
class PositionRecord:
    """Position and settings of one symbol.

    Parameters
    ----------
    quantity
        Signed, base.
    cost
        Signed: the sum of quantity times price over the part that is open; exact, unlike an average price.
    isolated_wallet
        Quote set aside for an isolated position; 0 under cross margin.
    realized_pnl
        Profit realized since the beginning, before fees.
    """

    TABLE: ClassVar[str] = "positions"
    KEY: ClassVar[str] = "symbol"

    symbol: str
    leverage: int = 20
    is_isolated: bool = False
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    updated_ms: int = 0

    @property
    def entry_price(self) -> Decimal:
        """Average price of what is open; 0 when flat."""
        return self.cost / self.quantity if self.quantity else ZERO

    def profit_at(self, mark_price: Decimal) -> Decimal:
        """Unrealized profit at a mark price, quote."""
        return self.quantity * mark_price - self.cost


@dataclass(frozen=True, slots=True)
class Countdown:
    """Dead-man switch of one symbol: its open orders are canceled at the deadline."""

    TABLE: ClassVar[str] = "countdowns"
    KEY: ClassVar[str] = "symbol"

    symbol: str
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The account as a whole.

    Parameters
    ----------
    wallet
        Sum of all income rows, quote.
    is_hedged
        Whether the account asks for separate long and short positions.
    has_multi_assets, has_portfolio_margin
        Whether the account is in those modes; they change no margin here.
    last_number, last_fill
        Numbers given so far, to orders and income rows and to fills.
    played_ms
        Market time up to which every price has been applied.
    """

    TABLE: ClassVar[str] = "account"
    KEY: ClassVar[str] = "number"

    number: int = 1
    wallet: Decimal = ZERO
    is_hedged: bool = False
    last_number: int = 1_000_000
    last_fill: int = 0
    played_ms: int = 0
    has_multi_assets: bool = False
    has_portfolio_margin: bool = False


@dataclass(frozen=True, slots=True)
class MarginChange:
    """Margin that a user added to an isolated position (``kind`` 1) or took from it (2)."""

    TABLE: ClassVar[str] = "margin_changes"
    KEY: ClassVar[str] = "number"

    number: int
    symbol: str
    kind: int
    amount: Decimal
    ts_ms: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change of an open order: price and quantity before and after."""

    TABLE: ClassVar[str] = "amendments"
    KEY: ClassVar[str] = "number"

    number: int
    order_number: int
    symbol: str
    client_id: str
    old_price: Decimal
    new_price: Decimal
    old_quantity: Decimal
    new_quantity: Decimal
    ts_ms: int


Record: TypeAlias = (
    Order
    | AlgoOrder
    | FillRecord
    | IncomeRecord
    | PositionRecord
    | Countdown
    | MarginChange
    | Amendment
    | AccountRecord
)
RECORDS: tuple[type[Record], ...] = (
    Order,
    AlgoOrder,
    FillRecord,
    IncomeRecord,
    PositionRecord,
    Countdown,
    MarginChange,
    Amendment,
    AccountRecord,
)
