"""The parts of a world: clock, ids, ledger, quota, generations, deliveries, journal."""
