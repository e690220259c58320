"""Does what a page of the documentation has people do in a browser, by its own words: the verbs are these, what they are about stands
in bold, values and addresses as they are typed."""

import json
import re

from console import Person, given

STEP = re.compile(
    r"(?P<verb>open|fill in|tick|follow|press|and there|and|,) "
    r"(?:<(?P<address>[^>]+)>|\*\*(?P<what>[^*]+)\*\*)(?: with `(?P<value>[^`]*)`)?",
    re.IGNORECASE,
)


def do(person, verb, step):
    page, what = person.page, step["what"]
    if verb == "open":
        page.goto(step["address"])
    elif verb == "fill in":
        page.get_by_label(what, exact=True).fill(step["value"])
    elif verb == "tick":
        page.get_by_label(what, exact=True).check()
    elif verb == "follow":
        page.get_by_role("link", name=what, exact=True).first.click()
    elif verb == "press":
        page.get_by_role("main").get_by_role("button", name=what, exact=True).click()
    else:
        raise AssertionError(f"how does one {verb}?")


def main():
    said = given()
    person = Person(said)
    with person.at() as page:
        if said["is_known"]:
            person.sign_in()
        for item in said["steps"].splitlines():
            verb, count = None, 0
            for found in STEP.finditer(item):
                word = found["verb"].lower()
                # "Tick X, Y and Z", "follow X, and there Y": the verb goes on.
                verb = word if word not in ("and", ",", "and there") else verb
                do(person, verb, found.groupdict())
                count += 1
            assert count == item.count("**") // 2 + item.count("<http"), item
        page.wait_for_load_state()
        secret = page.locator("pre code")
        shown = secret.first.inner_text() if secret.count() else ""
        main_text = page.get_by_role("main").inner_text()
    print(json.dumps({"secret": shown, "main": main_text}))


main()
