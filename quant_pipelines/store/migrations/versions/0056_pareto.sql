ALTER TABLE research.trials ADD COLUMN drawdown DOUBLE PRECISION;

COMMENT ON COLUMN research.trials.drawdown IS 'deepest fall in-sample by days, positive fraction';
