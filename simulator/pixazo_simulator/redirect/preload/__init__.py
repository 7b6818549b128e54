"""What Python and Node processes load before their program: PYTHONPATH names a folder of it, NODE_OPTIONS a file."""
