"""Reports: a result as a terminal matrix, JUnit XML, one HTML page; each a pure function."""
