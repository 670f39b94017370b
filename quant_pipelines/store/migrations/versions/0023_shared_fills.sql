ALTER TABLE trading.fills ADD COLUMN part INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE trading.fills DROP CONSTRAINT pk_fills;

ALTER TABLE trading.fills ADD CONSTRAINT pk_fills PRIMARY KEY (venue, symbol, trade_id, part);

COMMENT ON COLUMN trading.fills.part IS 'a trade of several books has one row for each, counted from 0';
