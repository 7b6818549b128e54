"""The command `pixazo-sim demo`, the first one that a newcomer runs."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from threading import Condition
from typing import Any, cast

import click
import httpx2

import pixazo_client as client
from pixazo_simulator.server import HttpRequest, HttpResponse, LoopbackServer, Simulator, SimulatorError
from pixazo_simulator.world import Clock, Settings

RATE = 10
"""How much faster than real time the demo's clock runs: the page's 15 s become 1.5 s."""
WEBHOOK_TIMEOUT = 5.0
"""Real seconds to wait for a webhook that is due."""
_COLOURS = {"QUEUED": "yellow", "PROCESSING": "cyan", "COMPLETED": "green", "FAILED": "red", "ERROR": "red"}

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--out", type=_FOLDER, help="Folder for the videos. Default: a new temporary one.")
def demo(out: Path | None) -> None:
    """Run the page's two printed requests through the client against a simulator of its own.

    Shows their progress, receives their webhooks, downloads both videos, shows one refused request and one generation that fails,
    and prints what was charged. Needs no key, no network and no money.
    """
    try:
        folder = out or Path(tempfile.mkdtemp(prefix="pixazo-demo-"))
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"folder {error.filename} cannot be created: {error.strerror}") from None
    try:
        with Simulator(Settings(clock=lambda: Clock.scaled(RATE))) as simulator, DemoReceiver() as receiver:
            Demo(simulator, receiver, folder).run()
    except (SimulatorError, client.PixazoError, OSError) as error:
        raise click.ClickException(str(error)) from None


class Demo:
    """The parts of the demo, in order."""

    def __init__(self, simulator: Simulator, receiver: DemoReceiver, folder: Path) -> None:
        self._simulator = simulator
        self._receiver = receiver
        self._folder = folder
        self._http = httpx2.Client(trust_env=False)  # a proxy from the environment cannot reach loopback
        self._client = self._connect(simulator.api_key)

    def _connect(self, key: str) -> client.PixazoClient:
        return client.PixazoClient(
            api_key=key,
            base_url=self._simulator.url,
            polling=client.Polling(5, 5),
            sleep=lambda seconds: time.sleep(seconds / RATE),
            monotonic=lambda: time.monotonic() * RATE,
            http_client=self._http,
        )

    def run(self) -> None:
        click.echo(f"gateway   {self._simulator.url}   offline, its clock runs {RATE} times as fast as yours")
        click.echo(f"webhooks  {self._receiver.url}")
        with self._http:
            self._generate(1, "Text to video", "text_to_video", self._client.generate)
            self._generate(2, "Image to video", "image_to_video", self._client.image_to_video)
            self._refusal()
            self._failure()
            self._bill()

    def _generate(self, number: int, title: str, sample: str, submit: Callable[..., client.RequestHandle]) -> None:
        printed = files("pixazo_contracts.probes").joinpath("samples", f"{sample}.json")
        body: dict[str, Any] = json.loads(printed.read_text(encoding="utf-8"))
        prompt = body["prompt"] if len(body["prompt"]) <= 64 else f"{body['prompt'][:63].rstrip()}…"
        _part(number, title, f"the page's own example: {prompt}")
        handle = submit(**body, webhook_url=self._receiver.url)
        _line("202", handle.request_id)
        generation = handle.wait(on_update=_update)
        webhook = self._receiver.webhook_about(handle.request_id)
        if webhook != generation.raw:
            raise click.ClickException(
                f"the webhook about {handle.request_id} differs from the status response: report it"
            )
        _line("webhook", f"{webhook['status']} received, the same as the status response")
        for index, url in enumerate(generation.media_urls):
            place = self._client.download(generation, self._folder / f"{sample}.mp4", index=index)
            _line("video", f"{place}   {place.stat().st_size:,} bytes, {body['duration']} s, {body['resolution']}")
            _line("from", url)

    def _refusal(self) -> None:
        _part(3, "A request that is refused", "the key sim-empty-wallet has no money")
        try:
            self._connect("sim-empty-wallet").generate("A bear")
        except client.InsufficientBalanceError as error:
            _line(str(error.status_code), click.style(json.dumps(error.body), fg="red"))

    def _failure(self) -> None:
        prompt = "A bear [[sim:failed The prompt was rejected by the model]]"
        _part(4, "A generation that fails", f"the prompt says so: {prompt}")
        handle = self._client.generate(prompt)
        _line("202", handle.request_id)
        try:
            handle.wait(on_update=_update)
        except client.GenerationFailedError as error:
            _line("raised", f"{type(error).__name__}, error {click.style(repr(error.generation.error), fg='red')}")

    def _bill(self) -> None:
        ledger = self._simulator.control().ledger()
        click.echo("\n" + click.style("What was charged", bold=True))
        for entry in ledger.entries:
            _line(entry.kind, f"{entry.amount:>7}   {entry.request_id or ''}")
        _line("balance", f"{ledger.balance:>7}   play money: nothing was spent, nothing left this machine")
        click.echo("\nYour turn: `pixazo-sim serve`, then point PIXAZO_BASE_URL at it.")


class DemoReceiver(LoopbackServer):
    """A webhook receiver on loopback that keeps the latest body about each generation."""

    def __init__(self) -> None:
        self._received: dict[str, dict[str, Any]] = {}
        self._changed = Condition()
        super().__init__(self._receive)
        self.url = f"{self.origin}/webhook/callback"

    def _receive(self, request: HttpRequest) -> HttpResponse:
        if isinstance(found := json.loads(request.body), dict):  # anyone on this machine can post here
            body = cast("dict[str, Any]", found)
            with self._changed:
                self._received[str(body.get("request_id"))] = body
                self._changed.notify_all()
        return HttpResponse()

    def webhook_about(self, request_id: str) -> dict[str, Any]:
        """The body of the webhook about a generation. Raises ClickException when it does not arrive in time."""
        with self._changed:
            if self._changed.wait_for(lambda: request_id in self._received, WEBHOOK_TIMEOUT):
                return self._received[request_id]
        raise click.ClickException(f"no webhook about {request_id} within {WEBHOOK_TIMEOUT:g} s")


def _update(generation: client.Generation) -> None:
    changed, created = generation.updated_at, generation.created_at
    age = (changed - created).total_seconds() if changed and created else 0
    status = click.style(f"{generation.status:<10}", fg=_COLOURS.get(generation.status))
    _line("status", f"{status}  since {age:4.1f} s")


def _part(number: int, title: str, detail: str) -> None:
    click.echo(f"\n{click.style(f'{number}  {title}', bold=True)}   {detail}")


def _line(label: str, text: str) -> None:
    click.echo(f"   {label:<8}  {text}")
