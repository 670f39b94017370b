ALTER TABLE trading.equity
    ADD COLUMN open DOUBLE PRECISION,
    ADD COLUMN high DOUBLE PRECISION,
    ADD COLUMN low DOUBLE PRECISION,
    ADD COLUMN volume DOUBLE PRECISION,
    ADD COLUMN mark DOUBLE PRECISION,
    ADD COLUMN slots JSONB,
    ADD COLUMN booked_at TIMESTAMP WITH TIME ZONE;

COMMENT ON TABLE trading.equity IS 'Equity of each deployment at every execution bar''s close, and the bar as it was seen';

COMMENT ON COLUMN trading.equity.price IS 'close of the bar, quote per base';

COMMENT ON COLUMN trading.equity.open IS 'of the bar as the runner had it; null of one before that was kept';

COMMENT ON COLUMN trading.equity.volume IS 'base';

COMMENT ON COLUMN trading.equity.mark IS 'mark price at the open, where the book asked for it';

COMMENT ON COLUMN trading.equity.slots IS 'its funding slots: time in ms, rate, mark price, last price; null for none';

COMMENT ON COLUMN trading.equity.booked_at IS 'when the bar had arrived and was booked';

CREATE TABLE trading.book_openings (
    deployment_id BIGINT NOT NULL,
    day DATE NOT NULL,
    bar_close TIMESTAMP WITH TIME ZONE NOT NULL,
    state JSONB NOT NULL,
    CONSTRAINT pk_book_openings PRIMARY KEY (deployment_id, day),
    CONSTRAINT fk_book_openings_deployment_id_deployments FOREIGN KEY (deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.book_openings IS 'State that each book began a day with, kept by a trigger at the first booking of the day';

COMMENT ON COLUMN trading.book_openings.day IS 'UTC';

COMMENT ON COLUMN trading.book_openings.bar_close IS 'close of the last bar in the state, at midnight or before';

COMMENT ON COLUMN trading.book_openings.state IS 'as in checkpoints';

-- A bar that closes at midnight belongs to the day before. The trigger costs whoever books no further question.
CREATE FUNCTION trading.keep_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO trading.book_openings (deployment_id, day, bar_close, state)
    VALUES (OLD.deployment_id, (NEW.bar_close AT TIME ZONE 'UTC' - INTERVAL '1 microsecond')::date,
            OLD.bar_close, OLD.state)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER checkpoints_keep_opening AFTER UPDATE ON trading.checkpoints FOR EACH ROW
    WHEN ((NEW.bar_close AT TIME ZONE 'UTC' - INTERVAL '1 microsecond')::date
        > (OLD.bar_close AT TIME ZONE 'UTC' - INTERVAL '1 microsecond')::date)
    EXECUTE FUNCTION trading.keep_opening();
