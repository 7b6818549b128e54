"""The parameters of the two operations: types, validation, magic prompts, images."""
