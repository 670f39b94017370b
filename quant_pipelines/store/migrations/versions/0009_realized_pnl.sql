ALTER TABLE trading.fills ADD COLUMN realized_pnl NUMERIC;

COMMENT ON COLUMN trading.fills.realized_pnl IS 'profit before the fee as the venue books it; null for paper';

COMMENT ON COLUMN trading.fills.client_order_id IS 'null for a fill without an intent: a stop of the paper venue, or EXTERNAL';

COMMENT ON COLUMN trading.fills.reason IS 'target, hard_stop, flatten, close; EXTERNAL: liquidation, adl, settlement';

COMMENT ON COLUMN trading.income.kind IS 'funding, or insurance: what a liquidation cost besides';

COMMENT ON COLUMN trading.intents.purpose IS 'target, stop, flatten (nothing protects it) or close (an operator asked)';
