-- Days of before stay tested, as the looks that saw them have it.
ALTER TABLE research.record_days
    ADD COLUMN is_listed BOOLEAN NOT NULL DEFAULT true,
    ADD COLUMN return_until_0800 DOUBLE PRECISION;

COMMENT ON COLUMN research.record_days.is_listed IS 'whether the symbol was on the list when the day began: other days count for the search, not for the test';

COMMENT ON COLUMN research.record_days.return_until_0800 IS 'earned from the start of the day to 08:00 UTC; null where it is not known';
