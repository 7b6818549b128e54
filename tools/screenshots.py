"""Takes the screenshots of docs/images: `python -m tools.screenshots`; needs chromium and playwright (the extra `test`)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import suppress
from io import BytesIO

from tools.contents import DOCS

from pixazo_client import APIError, PixazoClient
from pixazo_simulator import Clock, Settings, Simulator
from pixazo_simulator.mutants import find_mutant


def _lived(simulator: Simulator) -> None:
    """A world in which something has happened, and something will."""
    control = simulator.control()
    control.add_rule(
        {
            "when": "generate",
            "match": {"prompt": {"contains": "bear"}},
            "end": {"status": "FAILED", "error": "content policy"},
        }
    )
    with PixazoClient(api_key=simulator.api_key, base_url=simulator.url, max_retries=0) as client:
        done = client.generate("A cat catches a fish", webhook_url=f"{simulator.url}/_sim/console/receiver")
        client.generate("A bear", webhook_url="http://127.0.0.1:9/hook")
        for seconds in (5, 13):
            control.advance(seconds)
            done.status()
        with suppress(APIError):
            client.generate("A harbour at dawn", duration=10, resolution="1080P")
        client.generate("A harbour at dawn", duration=10)
        client.generate("Rain on a tin roof")
    control.advance(3)


def main() -> None:
    """Write all of them."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        with Simulator(Settings(clock=lambda: Clock.scaled(50)), change=find_mutant("no-fractional-seconds")) as wrong:
            command = ["pixazo-contracts", "run", "--target", wrong.url, "--api-key", wrong.api_key, "--out", folder]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        with Simulator(Settings()) as simulator:
            _lived(simulator)
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, url, width, height, scheme in (
                ("console", f"{simulator.url}/_sim/console/worlds/1", 1280, 880, "light"),
                ("contract-report", f"file://{folder}/report.html", 1280, 1010, "light"),
                ("contract-report-narrow", f"file://{folder}/report.html", 400, 1010, "dark"),
            ):
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(url)
                taken = Image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
                image = taken.quantize(256, dither=Image.Dither.NONE)  # a third of the bytes
                image.save(DOCS / "images" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
