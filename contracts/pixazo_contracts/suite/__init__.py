"""The suite as tests: `pytest --pyargs pixazo_contracts --pixazo-url URL --pixazo-key KEY`.

One test per clause, judged from one recorded run; property tests and the state machine, if Hypothesis is installed. On a target
that charges, requests are generated only where they are free whatever the response; `--pixazo-contract-max-generations`
allows the run more. What needs Hypothesis is imported only by the tests that need it.
"""
