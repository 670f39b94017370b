CREATE TABLE trading.balances (
    account_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    wallet NUMERIC NOT NULL,
    unrealized NUMERIC NOT NULL,
    maintenance NUMERIC NOT NULL,
    available NUMERIC NOT NULL,
    units NUMERIC NOT NULL,
    CONSTRAINT pk_balances PRIMARY KEY (account_id, at),
    CONSTRAINT fk_balances_account_id_accounts FOREIGN KEY(account_id) REFERENCES trading.accounts (id)
);

COMMENT ON TABLE trading.balances IS 'Funds of an account at a venue; a unit is worth (wallet + unrealized) / units';

COMMENT ON COLUMN trading.balances.wallet IS 'quote, as all amounts here: deposits, realized profit, fees and funding';

COMMENT ON COLUMN trading.balances.unrealized IS 'profit of what is held, at mark prices';

COMMENT ON COLUMN trading.balances.maintenance IS 'margin below which the venue closes positions';

COMMENT ON COLUMN trading.balances.available IS 'what new orders may take';

COMMENT ON COLUMN trading.balances.units IS 'deposits buy units, withdrawals sell them';

CREATE TABLE trading.transfers (
    account_id BIGINT NOT NULL,
    number TEXT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    amount NUMERIC NOT NULL,
    CONSTRAINT pk_transfers PRIMARY KEY (account_id, number),
    CONSTRAINT fk_transfers_account_id_accounts FOREIGN KEY(account_id) REFERENCES trading.accounts (id)
);

COMMENT ON TABLE trading.transfers IS 'Money that came to an account or left it: no profit';

COMMENT ON COLUMN trading.transfers.number IS 'as the venue names it';

COMMENT ON COLUMN trading.transfers.amount IS 'quote; positive when it came';

CREATE TABLE trading.wallet_days (
    account_id BIGINT NOT NULL,
    day DATE NOT NULL,
    booked NUMERIC NOT NULL,
    at_venue NUMERIC NOT NULL,
    rest JSONB NOT NULL,
    compared_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_wallet_days PRIMARY KEY (account_id, day),
    CONSTRAINT fk_wallet_days_account_id_accounts FOREIGN KEY(account_id) REFERENCES trading.accounts (id)
);

COMMENT ON TABLE trading.wallet_days IS 'Each UTC day of an account, compared with the venue''s wallet to the last digit';

COMMENT ON COLUMN trading.wallet_days.booked IS 'change by our fills and payments, quote';

COMMENT ON COLUMN trading.wallet_days.at_venue IS 'change of the venue''s wallet without transfers, quote';

COMMENT ON COLUMN trading.wallet_days.rest IS 'what the books do not explain, by the venue''s kind; empty when equal';
