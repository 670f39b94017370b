ALTER TABLE trading.equity ADD COLUMN stop_price DOUBLE PRECISION;

COMMENT ON COLUMN trading.equity.stop_price IS 'level of the tightest stop from then on; null where none stands';
