CREATE TABLE research.strategy_trials (
    name TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    kernel_digest TEXT NOT NULL,
    source TEXT NOT NULL,
    passed BOOLEAN NOT NULL,
    checks JSONB NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_strategy_trials PRIMARY KEY (name, content_hash, kernel_digest)
);

COMMENT ON TABLE research.strategy_trials IS 'Texts of strategies that were put through the contract in a process of their own';

COMMENT ON COLUMN research.strategy_trials.kernel_digest IS 'digest of the compiled sources it was tried with';

COMMENT ON COLUMN research.strategy_trials.checks IS 'list of check and fault; an empty fault is a pass';

CREATE TABLE research.strategy_library (
    name TEXT NOT NULL,
    content_hash TEXT,
    file_hash TEXT,
    fault TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_strategy_library PRIMARY KEY (name)
);

COMMENT ON TABLE research.strategy_library IS 'The text of each strategy that research uses';

COMMENT ON COLUMN research.strategy_library.content_hash IS 'version in force: the newest text that passed; null when none did';

COMMENT ON COLUMN research.strategy_library.file_hash IS 'version that stands in the folder; null when the file is gone';

COMMENT ON COLUMN research.strategy_library.fault IS 'why the file is not in force; empty when it is';
