"""Every requirement of the vendor's page, one file for each group."""
