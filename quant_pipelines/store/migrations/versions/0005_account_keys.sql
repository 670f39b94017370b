ALTER TABLE trading.accounts
    ADD COLUMN sealed_keys BYTEA,
    ADD COLUMN keys_fingerprint TEXT,
    ADD COLUMN keys_changed_at TIMESTAMP WITH TIME ZONE;

COMMENT ON COLUMN trading.accounts.sealed_keys IS 'API key and secret, encrypted under the master key; null without';

COMMENT ON COLUMN trading.accounts.keys_fingerprint IS 'tells keys apart';
