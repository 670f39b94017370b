ALTER TABLE trading.intents ADD COLUMN price NUMERIC;

ALTER TABLE trading.intents ADD COLUMN reduce_only BOOLEAN DEFAULT false NOT NULL;

COMMENT ON COLUMN trading.intents.price IS 'limit or trigger, quote per base; null for a market order';

COMMENT ON COLUMN trading.intents.reduce_only IS 'whether it may only bring the position nearer to flat';

COMMENT ON COLUMN trading.intents.purpose IS 'target, stop, flatten (nothing protects it), close (an operator asked), or order and the number that an event strategy knows it by';
