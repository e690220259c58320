"""A person with a browser: what the journeys through the console have in common."""

import contextlib
import json
import re
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
# Without these Chromium speaks with its maker at every start.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE = {"width": 1200, "height": 800}
NARROW = {"width": 360, "height": 740}
# A page answers at once; what takes longer waits for a push or a job.
PATIENCE_MS = 30_000


class Person:
    """Whoever sits at the browser. What its pages complain of on the console ends the journey."""

    def __init__(self, given):
        self.given = given
        self.origin = given["origin"]
        self.pictures = Path(given["pictures"])
        self.complaints = []

    @contextlib.contextmanager
    def at(self, view=WIDE, scripts=True):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            context = browser.new_context(
                viewport=view,
                java_script_enabled=scripts,
                timezone_id="Europe/Paris",
                locale="en-GB",
                reduced_motion="reduce",
            )
            context.set_default_timeout(PATIENCE_MS)
            self.page = context.new_page()
            self.page.on("console", self._hear)
            self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
            yield self.page
            browser.close()
        assert not self.complaints, self.complaints

    def _hear(self, message):
        # An answer that is a refusal is said so by Chromium, too.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def open(self, path):
        answer = self.page.goto(self.origin + path)
        assert answer.status == 200, f"{path}: {answer.status}"

    def sign_in(self, name=None, password=None):
        self.open("/console/sign-in")
        self.page.get_by_label("User name").fill(name or self.given["name"])
        self.page.get_by_label("Password").fill(password or self.given["password"])
        self.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name="Sign out").wait_for()

    def picture(self, name, whole=True):
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=whole)

    def wear(self, scheme):
        self.page.emulate_media(color_scheme=scheme)


def violations(page):
    """What axe finds against WCAG 2.2 A and AA, a line each."""
    options = {
        "runOnly": {
            "type": "tag",
            "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
        },
        "resultTypes": ["violations"],
    }
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"][:3]
    ]


def slug(template):
    """A file's name for a page."""
    return re.sub(r"[^a-z0-9]+", "-", template.lower()).strip("-") or "home"


def given():
    """What the test says: one object of JSON on the command line."""
    return json.loads(sys.argv[1])
