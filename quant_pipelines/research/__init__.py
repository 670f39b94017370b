"""Walk-forwards that are stored, resumed and spread over processes."""
