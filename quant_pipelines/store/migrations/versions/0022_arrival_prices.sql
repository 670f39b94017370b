ALTER TABLE trading.intents ADD COLUMN decision_price NUMERIC;

ALTER TABLE trading.intents ADD COLUMN arrival_price NUMERIC;

COMMENT ON COLUMN trading.intents.decision_price IS 'close that it was decided on, or the trigger of a stop, quote per base; null where there was none';

COMMENT ON COLUMN trading.intents.arrival_price IS 'last price that the stream had told by then, quote per base; null where it had told none';

COMMENT ON COLUMN trading.intents.purpose IS 'target, remainder (what a limit order that follows a target has left open), stop (it stands at the venue), exit (the runner closes for a stop), flatten (nothing protects it), close (an operator asked), or order and the number that an event strategy knows it by';
