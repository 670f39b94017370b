CREATE TABLE market.mark_prices (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_mark_prices PRIMARY KEY (exchange, symbol, ts)
);

COMMENT ON TABLE market.mark_prices IS 'Mark price at ts, on the grid that is ingested (market.mark_timeframe)';

CREATE TABLE market.index_prices (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_index_prices PRIMARY KEY (exchange, symbol, ts)
);

COMMENT ON TABLE market.index_prices IS 'Index price at ts, on the same grid as mark prices';

CREATE TABLE market.trades (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    trade_id TEXT NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    quantity DOUBLE PRECISION NOT NULL,
    is_buyer_maker BOOLEAN NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_trades PRIMARY KEY (exchange, symbol, ts, trade_id)
)
 PARTITION BY RANGE (ts);

COMMENT ON TABLE market.trades IS 'Public trades, base units; partitioned by month';

CREATE TABLE market.book_snapshots (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    bid_prices DOUBLE PRECISION[] NOT NULL,
    bid_quantities DOUBLE PRECISION[] NOT NULL,
    ask_prices DOUBLE PRECISION[] NOT NULL,
    ask_quantities DOUBLE PRECISION[] NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_book_snapshots PRIMARY KEY (exchange, symbol, ts)
)
 PARTITION BY RANGE (ts);

COMMENT ON TABLE market.book_snapshots IS 'Order books at ts, best first, base units; partitioned by month';

CREATE TABLE ops.rate_budgets (
    exchange TEXT NOT NULL,
    egress TEXT NOT NULL,
    window_number BIGINT NOT NULL,
    used BIGINT NOT NULL,
    weight_limit BIGINT,
    banned_until TIMESTAMP WITH TIME ZONE,
    waits BIGINT NOT NULL,
    CONSTRAINT pk_rate_budgets PRIMARY KEY (exchange, egress)
);

COMMENT ON TABLE ops.rate_budgets IS 'Request allowance of one address at one exchange, shared by all processes';

COMMENT ON COLUMN ops.rate_budgets.egress IS 'who shares an address at the exchange; the host''s name unless settings say';

COMMENT ON COLUMN ops.rate_budgets.window_number IS 'clock in ms // length of a window';

COMMENT ON COLUMN ops.rate_budgets.used IS 'weight granted in it, or counted by the exchange';

COMMENT ON COLUMN ops.rate_budgets.waits IS 'how often somebody had to wait, ever';
