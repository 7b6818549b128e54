"""The suite as tests: `pytest --pyargs pixazo_contracts --pixazo-url URL --pixazo-key KEY`.

One test a clause, judged from one recorded run; property tests and the state machine, where Hypothesis is installed. On a
target that charges only families that are free whatever it answers are generated; all else needs `--pixazo-max-generations`.
"""
