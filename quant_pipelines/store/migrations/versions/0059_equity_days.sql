CREATE TABLE trading.equity_days (
    deployment_id BIGINT NOT NULL,
    day DATE NOT NULL,
    bar_close TIMESTAMP WITH TIME ZONE,
    equity DOUBLE PRECISION,
    bars INTEGER NOT NULL,
    bars_held INTEGER NOT NULL,
    CONSTRAINT pk_equity_days PRIMARY KEY (deployment_id, day),
    CONSTRAINT fk_equity_days_deployment_id_deployments FOREIGN KEY (deployment_id) REFERENCES trading.deployments (id)
);

COMMENT ON TABLE trading.equity_days IS 'UTC days of each book that are over, kept by a trigger at the first bar of a later day; of a set, how many bars its legs had';

COMMENT ON COLUMN trading.equity_days.day IS 'UTC; a bar that closes at midnight belongs to the day before';

COMMENT ON COLUMN trading.equity_days.bar_close IS 'close of its last bar; null of a set';

COMMENT ON COLUMN trading.equity_days.equity IS 'at that close, quote; null of a set';

COMMENT ON COLUMN trading.equity_days.bars IS 'closes; of a set, those of any leg, each counted once';

COMMENT ON COLUMN trading.equity_days.bars_held IS 'those of them with a position';

CREATE FUNCTION trading.day_of(bar_close TIMESTAMP WITH TIME ZONE) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (bar_close AT TIME ZONE 'UTC' - INTERVAL '1 microsecond')::date
$$;

CREATE FUNCTION trading.end_day(of_book BIGINT, of_day DATE) RETURNS void LANGUAGE sql AS $$
    INSERT INTO trading.equity_days (deployment_id, day, bar_close, equity, bars, bars_held)
    SELECT of_book, of_day, max(ts), (array_agg(equity ORDER BY ts DESC))[1],
        count(*), count(*) FILTER (WHERE position <> 0)
    FROM trading.equity
    WHERE deployment_id = of_book AND ts > of_day::timestamp AT TIME ZONE 'UTC'
        AND ts <= (of_day + 1)::timestamp AT TIME ZONE 'UTC'
    ON CONFLICT (deployment_id, day) DO UPDATE SET bar_close = excluded.bar_close, equity = excluded.equity,
        bars = excluded.bars, bars_held = excluded.bars_held;
    -- Legs are booked one after the other: the last one that ends a day leaves what is true of their set.
    INSERT INTO trading.equity_days (deployment_id, day, bars, bars_held)
    SELECT whole.set_id, of_day, count(DISTINCT ts), count(DISTINCT ts) FILTER (WHERE position <> 0)
    FROM trading.deployments whole
    JOIN trading.deployments leg ON leg.set_id = whole.set_id
    JOIN trading.equity ON deployment_id = leg.id
    WHERE whole.id = of_book AND ts > of_day::timestamp AT TIME ZONE 'UTC'
        AND ts <= (of_day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY whole.set_id
    ON CONFLICT (deployment_id, day) DO UPDATE SET bars = excluded.bars, bars_held = excluded.bars_held;
$$;

DO $$ BEGIN
    PERFORM trading.end_day(deployment_id, day) FROM (
        SELECT DISTINCT deployment_id, trading.day_of(ts) AS day,
            max(trading.day_of(ts)) OVER (PARTITION BY deployment_id) AS newest
        FROM trading.equity
    ) AS known WHERE day < newest;
END $$;

-- It costs whoever books no further question. No bar of a day that is over is booked any more (a checkpoint only
-- goes on); should one be written by hand, its day is reckoned anew.
CREATE FUNCTION trading.keep_days() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own CONSTANT DATE := trading.day_of(NEW.ts);
    earlier DATE;
BEGIN
    SELECT trading.day_of(ts) INTO earlier FROM trading.equity
    WHERE deployment_id = NEW.deployment_id AND ts < NEW.ts ORDER BY ts DESC LIMIT 1;
    IF earlier < own THEN
        PERFORM trading.end_day(NEW.deployment_id, earlier);
    END IF;
    IF EXISTS (SELECT FROM trading.equity WHERE deployment_id = NEW.deployment_id
            AND ts > (own + 1)::timestamp AT TIME ZONE 'UTC') THEN
        PERFORM trading.end_day(NEW.deployment_id, own);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER equity_keep_days AFTER INSERT ON trading.equity FOR EACH ROW EXECUTE FUNCTION trading.keep_days();
