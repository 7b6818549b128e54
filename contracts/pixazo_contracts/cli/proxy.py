"""The command proxy: it runs between an app and a gateway until a signal ends it, then reports what the traffic shows."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn
from urllib.parse import urlsplit

import click

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.runner import Ledger, Purse, remaining
from pixazo_contracts.trace import (
    ConfigurationError,
    InvalidTraceError,
    Profile,
    ProfileFile,
    Trace,
    host_is_loopback,
    read_profile,
)
from pixazo_contracts.traffic import Proxy, ProxyOptions, Tape

from .commands import LEDGER, conclude, judging, prepare, remove_reports
from .configure import Given, host_and_port, ledger_path, make_target
from .output import FILE, GIVEN_FILE, NUMBER, flag, option, say, write_file

#: Used if the profile has no deadline: an app's generations wait for other work of its account.
DEADLINE = 3600.0

_options = (
    option("--upstream", "URL", "Origin of the gateway.", required=True),
    option("--listen", "HOST:PORT", default="127.0.0.1:8901", show_default=True),
    option("--host", about="The Host header for the gateway. Default: the app's if the gateway is on this machine, otherwise the gateway's.", type=click.Choice(["keep", "upstream"])),
    flag("--complain", "Add a header to responses that names the clauses they violate."),
    option("--public-url", "URL", "URL at which the gateway reaches the proxy; webhooks are then recorded and relayed."),
    option("--profile", "FILE", "TOML, JSON or YAML: paid, ceilings, deadline, media_hosts ...", type=GIVEN_FILE),
    option("--max-generations", "N", "The most generations to spend, if they cost money; needs --out.", type=NUMBER, default=0),
    LEDGER,
    option("--ready-file", "FILE", "The proxy writes its URL to this file when it listens.", type=FILE),
)  # fmt: skip


def _profile(options: dict[str, Any], file: ProfileFile) -> tuple[Profile, list[str]]:
    given = Given(target=options["upstream"], api_key="none-of-ours", max_generations=options["max_generations"])
    try:
        target = make_target(given, file)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace("--target", "--upstream")) from None
    keys = [key for role, keys in target.keys.items() if role != "default" for key in keys]
    keys += filter(None, [os.environ.get("PIXAZO_API_KEY")])
    profile, receiver = target.profile, ["receiver"] if options["public_url"] else []
    return replace(
        profile, deadline=file.deadline or DEADLINE, capabilities=tuple(sorted({*profile.capabilities, *receiver}))
    ), keys


def _guard(profile: Profile, tape: Tape, file: ProfileFile, options: dict[str, Any]) -> Purse | None:
    """What pays for requests to a target that charges; None where nothing costs."""
    if not profile.limited:
        return None
    if options["max_generations"] and options["out"] is None:
        raise ConfigurationError("--max-generations needs --out DIR, which records what was spent")
    ledger = Ledger(ledger_path(profile, options["ledger"]), f"proxy-{tape.token_prefix}-{os.urandom(4).hex()}")
    granted = remaining(options["max_generations"], file.ceilings.run) or 0
    if granted:
        ledger.prepare()
    left = max(0, granted - ledger.spent(of=f"proxy-{tape.token_prefix}-"))
    return Purse(left, ledger, file.ceilings)


async def _serve(profile: Profile, keys: list[str], file: ProfileFile, options: dict[str, Any], out: Path) -> Trace:
    host, port = host_and_port("--listen", options["listen"])
    host = host.strip("[]")
    if port and port == urlsplit(profile.origin).port and host_is_loopback(urlsplit(profile.origin).hostname):
        raise ConfigurationError(f"--upstream {profile.origin} is the proxy itself: give another port in --listen")
    own = [f"http://{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")] if port else []
    profile = replace(profile, public_origins=tuple(dict.fromkeys([*profile.public_origins, *own])))
    keep = profile.loopback if options["host"] is None else options["host"] == "keep"
    how = ProxyOptions(
        host=host, port=port, keep_host=keep, complain=options["complain"], public_url=options["public_url"]
    )
    with closing(Tape(profile, out, keys)) as tape:
        proxy = Proxy(profile, how, tape, say)
        proxy.guard = guard = _guard(profile, tape, file, options)
        await _listen(proxy, how, profile.origin, options["ready_file"])
        return tape.end(guard.spent if guard else 0, guard.released if guard else 0, guard.stopped if guard else None)


async def _listen(proxy: Proxy, how: ProxyOptions, origin: str, ready_file: Path | None) -> None:
    """Pass traffic on until a signal ends it. Raises `ConfigurationError`."""
    try:
        url = f"http://{f'[{how.host}]' if ':' in how.host else how.host}:{await proxy.start()}"
    except OSError as error:
        raise ConfigurationError(
            f"--listen {how.host}:{how.port} cannot be used ({error.strerror or error}): give another port, or 0 for a free one"
        ) from None
    loop = asyncio.get_running_loop()

    def interrupt(*_: object) -> None:
        loop.call_soon_threadsafe(proxy.interrupt)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, proxy.interrupt)
        except NotImplementedError:  # event loops on Windows do not have it
            signal.signal(number, interrupt)
    say(f"{url} forwards to {origin}; stop it with Ctrl-C (twice: immediately)")
    if ready_file is not None:
        write_file(ready_file, url.encode())
    await proxy.stopping.wait()
    await proxy.stop()


@click.command("proxy", params=[*_options, *judging])
def proxy(**options: Any) -> NoReturn:
    terms = prepare(options)
    file = read_profile(options["profile"])
    profile, keys = _profile(options, file)
    remove_reports(options, terms)
    try:
        with TemporaryDirectory(prefix="pixazo-contracts-") as folder:
            trace = asyncio.run(_serve(profile, keys, file, options, options["out"] or Path(folder)))
    except InvalidTraceError as error:
        raise ConfigurationError(str(error)) from None
    if not trace.exchanges:
        say("no traffic, so nothing is judged: give the app the proxy's URL instead of the gateway's")
    conclude(trace, CATALOGUE, terms, options)
