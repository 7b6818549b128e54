"""For child processes of a guarded test: the vendor's hosts are refused."""
