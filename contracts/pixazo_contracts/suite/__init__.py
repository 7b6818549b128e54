"""The suite as tests: `pytest --pyargs pixazo_contracts --pixazo-url URL --pixazo-key KEY`.

One test per clause, judged from one recorded run; with Hypothesis property tests and the state machine. On a target that charges,
requests are generated only where they are free whatever the response; `--pixazo-contract-max-generations` allows the run more.
"""
