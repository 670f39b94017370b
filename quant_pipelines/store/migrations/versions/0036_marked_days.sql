-- Days of before stay tested, as the looks that saw them have it.
ALTER TABLE research.record_days
    ADD COLUMN is_listed BOOLEAN NOT NULL DEFAULT true,
    ADD COLUMN return_until_0800 DOUBLE PRECISION;

COMMENT ON COLUMN research.record_days.is_listed IS 'whether the symbol was on the list when the day began: other days count for the search, not for the test';

COMMENT ON COLUMN research.record_days.return_until_0800 IS 'earned from the start of the day to 08:00 UTC; null where it is not known';

CREATE TABLE research.combinatorial_studies (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    study_key TEXT NOT NULL,
    strategy_version_id BIGINT NOT NULL,
    strategy TEXT NOT NULL,
    exchange TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    window_start TIMESTAMP WITH TIME ZONE NOT NULL,
    window_end TIMESTAMP WITH TIME ZONE NOT NULL,
    settings JSONB NOT NULL,
    result JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_combinatorial_studies PRIMARY KEY (id),
    CONSTRAINT uq_combinatorial_studies_study_key UNIQUE (study_key),
    CONSTRAINT fk_combinatorial_studies_strategy_version_id_strategy_versions
        FOREIGN KEY (strategy_version_id) REFERENCES research.strategy_versions (id)
);

COMMENT ON TABLE research.combinatorial_studies IS 'Many paths through one history: no record, no verdict and no decision rests on them';

COMMENT ON COLUMN research.combinatorial_studies.study_key IS 'digest of everything that decides the paths';

COMMENT ON COLUMN research.combinatorial_studies.result IS 'figures, daily returns of each path, and what each split found';
