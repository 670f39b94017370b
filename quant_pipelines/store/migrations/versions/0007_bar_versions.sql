CREATE TABLE market.bar_versions (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    month DATE NOT NULL,
    version UUID NOT NULL,
    CONSTRAINT pk_bar_versions PRIMARY KEY (exchange, symbol, timeframe, month)
);

COMMENT ON TABLE market.bar_versions IS 'A new version for every transaction that changed bars of a series in a month; the column cache compares it';

COMMENT ON COLUMN market.bar_versions.month IS 'first day of the UTC month';

COMMENT ON COLUMN market.bar_versions.version IS 'random, so that a restored database never repeats one';

CREATE FUNCTION market.note_bars() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO market.bar_versions AS known (exchange, symbol, timeframe, month, version)
    SELECT exchange, symbol, timeframe, month, gen_random_uuid()
    FROM (
        SELECT DISTINCT exchange, symbol, timeframe, date_trunc('month', ts AT TIME ZONE 'UTC')::date AS month FROM changed
    ) AS written
    ORDER BY exchange, symbol, timeframe, month
    ON CONFLICT (exchange, symbol, timeframe, month) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION market.note_bars IS 'Gives a new version to the series and months of a statement; our own copies into a partition do so themselves';

INSERT INTO market.bar_versions (exchange, symbol, timeframe, month, version)
SELECT exchange, symbol, timeframe, month, gen_random_uuid()
FROM (
    SELECT DISTINCT exchange, symbol, timeframe, date_trunc('month', ts AT TIME ZONE 'UTC')::date AS month FROM market.bars
) AS written;
