"""The mutants and benign variants, one file for each group of clauses."""
