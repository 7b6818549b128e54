"""The console under `/_sim/console`: what a developer keeps open in a browser beside the app, over the functions of `/_sim`."""
