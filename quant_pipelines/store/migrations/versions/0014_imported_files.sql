CREATE TABLE market.imported_files (
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    checksum TEXT NOT NULL,
    file TEXT NOT NULL,
    layout TEXT NOT NULL,
    rows INTEGER NOT NULL,
    first TIMESTAMP WITH TIME ZONE NOT NULL,
    last TIMESTAMP WITH TIME ZONE NOT NULL,
    imported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_imported_files PRIMARY KEY (exchange, symbol, kind, timeframe, checksum)
);

COMMENT ON TABLE market.imported_files IS 'Files whose rows were brought in: what a stored row came from';

COMMENT ON COLUMN market.imported_files.kind IS 'bars, funding or open_interest';

COMMENT ON COLUMN market.imported_files.timeframe IS 'of bars; empty for the others';

COMMENT ON COLUMN market.imported_files.checksum IS 'SHA-256 of the file';

COMMENT ON COLUMN market.imported_files.file IS 'its name';

COMMENT ON COLUMN market.imported_files.layout IS 'by which its columns were read';

COMMENT ON COLUMN market.imported_files.first IS 'time of its first row';

COMMENT ON COLUMN market.imported_files.last IS 'time of its last row';
