"""What Python and Node processes load before their program: a folder of it stands in PYTHONPATH, a file of it in NODE_OPTIONS."""
