CREATE TABLE research.searched_units (
    strategy TEXT NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    depth INTEGER NOT NULL,
    window_end TIMESTAMP WITH TIME ZONE NOT NULL,
    searched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_searched_units PRIMARY KEY (strategy, exchange, symbol, timeframe, depth)
);

COMMENT ON TABLE research.searched_units IS 'When each strategy was searched last on each symbol and timeframe: the oldest come first';

COMMENT ON COLUMN research.searched_units.depth IS 'times as many trials as the settings ask for';

COMMENT ON COLUMN research.searched_units.window_end IS 'of the newest search that was begun; it may have failed';

ALTER TABLE research.strategy_trials ADD COLUMN symbols INTEGER;

COMMENT ON COLUMN research.strategy_trials.symbols IS 'how many it trades together, 0 any number from 2 up; null where its text does not load';
