"""The layers that a request passes on its way: recorder, spend guard, key injector, network."""
