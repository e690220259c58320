"""Follows every link of the console. Every page is there, is seen in light and dark, with and without scripts, on wide and narrow
screens, and is audited."""

import re
from urllib.parse import urldefrag, urlsplit

from console import NARROW, WIDE, Person, given, slug, violations

# What a page may link to without being another page.
ASIDE = re.compile(r"^/console/(static|language|sign-out)")
# Pages of one kind differ by what they show, seldom by more.
EACH = 2


class Walk:
    def __init__(self, person, templates):
        self.person = person
        self.shapes = [(t, shape(t)) for t in templates]
        self.seen = {template: [] for template in templates}
        self.wrong = []

    def template_of(self, path):
        return next((t for t, known in self.shapes if known.fullmatch(path)), None)

    def run(self):
        todo, met = ["/console"], set()
        while todo:
            address = todo.pop(0)
            if address in met:
                continue
            met.add(address)
            template = self.template_of(urlsplit(address).path.removeprefix("/console"))
            if template is None:
                self.wrong.append(f"{address} is linked to and is no page")
                continue
            if len(self.seen[template]) >= EACH:
                continue
            todo.extend(self.look(template, address))
        return self

    def look(self, template, address):
        page, person = self.person.page, self.person
        answer = page.request.get(person.origin + address)
        if answer.status != 200:
            self.wrong.append(f"{address}: {answer.status}")
            return []
        is_page = answer.headers["content-type"].startswith("text/html")
        landed = urlsplit(answer.url)
        if landed.path != urlsplit(address).path:
            # It leads on: that is where to look.
            self.seen[template].append(address)
            return [landed.path + (f"?{landed.query}" if landed.query else "")]
        self.seen[template].append(address)
        if not is_page:
            return []
        is_first = len(self.seen[template]) == 1
        page.goto(person.origin + address)
        for scheme in ["light", "dark"]:
            person.wear(scheme)
            if is_first:
                person.picture(f"{slug(template)}-{scheme}")
            for violation in violations(page):
                self.wrong.append(f"{address} ({scheme}): {violation}")
        person.wear("light")
        self.narrow(template, address, is_first)
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        return [path for path in map(self.inside, links) if path]

    def narrow(self, template, address, is_first):
        page = self.person.page
        page.set_viewport_size(NARROW)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            self.wrong.append(f"{address} is {width} wide on a screen of {NARROW['width']}")
        if is_first:
            self.person.picture(f"{slug(template)}-narrow")
        page.set_viewport_size(WIDE)

    def inside(self, link):
        link = urldefrag(link).url
        if not link.startswith(self.person.origin + "/"):
            return None
        path = link.removeprefix(self.person.origin)
        return None if ASIDE.match(path) or not path.startswith("/console") else path


def shape(template):
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template)))


def read_without_scripts(given, walk):
    """What is read with scripts is read without them, too."""
    person = Person(given)
    with person.at(scripts=False) as page:
        person.sign_in()
        for template, addresses in walk.seen.items():
            for address in addresses[:1]:
                kind = page.request.get(person.origin + address).headers["content-type"]
                if not kind.startswith("text/html") or "sign-in" in address:
                    continue
                page.goto(person.origin + address)
                if not page.locator("main h1").inner_text().strip():
                    walk.wrong.append(f"{address} shows nothing without scripts")


def know_a_violation(page):
    """An audit that finds nothing anywhere would be none."""
    page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    found = violations(page)
    assert any(line.startswith("label:") for line in found), found


def main():
    said = given()
    person = Person(said)
    with person.at():
        person.open("/console/sign-in")
        for scheme in ["light", "dark"]:
            person.wear(scheme)
            person.picture(f"sign-in-{scheme}")
            signs = violations(person.page)
            assert not signs, signs
        person.sign_in()
        know_a_violation(person.page)
        walk = Walk(person, said["pages"]).run()
    read_without_scripts(said, walk)
    for template, addresses in walk.seen.items():
        if not addresses and template not in said["unlinked"]:
            walk.wrong.append(f"no link leads to {template or '/'}")
    assert not walk.wrong, "\n".join(walk.wrong)
    print(sum(map(len, walk.seen.values())), "pages")


main()
