CREATE TABLE trading.certificates (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    exchange TEXT NOT NULL,
    place TEXT NOT NULL,
    version TEXT NOT NULL,
    passed BOOLEAN NOT NULL,
    steps JSONB NOT NULL,
    operator TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_certificates PRIMARY KEY (id)
);

COMMENT ON TABLE trading.certificates IS 'What was tried before real orders: without a record of this code they are locked';

COMMENT ON COLUMN trading.certificates.exchange IS 'ccxt id';

COMMENT ON COLUMN trading.certificates.place IS 'demo, or the address of a simulated venue';

COMMENT ON COLUMN trading.certificates.version IS 'of the code that sends orders';

COMMENT ON COLUMN trading.certificates.steps IS 'what was tried, whether it held, what was seen';
