CREATE TABLE market.venue_limits (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    limits JSONB NOT NULL,
    CONSTRAINT pk_venue_limits PRIMARY KEY (exchange, symbol, valid_from)
);

COMMENT ON TABLE market.venue_limits IS 'What a venue takes of a symbol as of a time; a new row only when something changed';

COMMENT ON COLUMN market.venue_limits.limits IS 'steps, smallest and largest orders, leverage, brackets; amounts as text';
