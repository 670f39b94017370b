ALTER TABLE trading.intents ADD COLUMN exit_reason TEXT;

COMMENT ON COLUMN trading.intents.exit_reason IS 'which stop or take-profit the order stands for; null for any other order';

COMMENT ON COLUMN trading.intents.purpose IS 'target, stop (it stands at the venue), exit (the runner closes for a stop), flatten (nothing protects it), close (an operator asked), or order and the number that an event strategy knows it by';

COMMENT ON COLUMN trading.fills.reason IS 'target, the name of the stop or take_profit, flatten, close; EXTERNAL: liquidation, adl, settlement';
