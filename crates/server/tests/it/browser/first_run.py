"""The first quarter of an hour with a new registry: signed in with what was printed, another password, a first push."""

import base64
import hashlib
import json
import urllib.request

from console import Person, given, violations


# How the image was built, and how often each step's text is in its layer.
STEPS = [
    ("ADD rootfs.tar.xz /", 130_000),
    ("ENV PORT=8080", 0),
    ("RUN apt-get update && apt-get install --yes ca-certificates tzdata", 20_000),
    ("COPY dependencies/ /usr/lib/", 60_000),
    ("COPY --chmod=755 serve /usr/bin/", 24_000),
    ("COPY web/ /srv/", 30_000),
    ('CMD ["/usr/bin/serve"]', 0),
]


def push(origin, login, repository, tag):
    """A small image, pushed by the protocol, as a client would."""
    token = "Basic " + base64.b64encode(login.encode()).decode()

    def send(method, path, body, kind):
        headers = {"Authorization": token, "Content-Type": kind}
        request = urllib.request.Request(origin + path, body, headers, method=method)
        urllib.request.urlopen(request).read()

    def blob(body):
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        path = f"/v2/{repository}/blobs/uploads/?digest={digest}"
        send("POST", path, body, "application/octet-stream")
        return {"digest": digest, "size": len(body)}

    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/usr/bin/serve"], "Env": ["PATH=/usr/bin", "PORT=8080"]},
            "rootfs": {"type": "layers", "diff_ids": []},
            "history": [{"created_by": step, "empty_layer": size == 0} for step, size in STEPS],
        }
    )
    kind = "application/vnd.oci.image"
    layers = [blob(step.encode() * size) for step, size in STEPS if size]
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": {"mediaType": f"{kind}.config.v1+json", **blob(config.encode())},
        "layers": [{"mediaType": f"{kind}.layer.v1.tar", **layer} for layer in layers],
    }
    path = f"/v2/{repository}/manifests/{tag}"
    send("PUT", path, json.dumps(manifest).encode(), manifest["mediaType"])


def with_keys_only(person, name, password):
    """Signs in without a mouse, and skips what stands above the content."""
    page = person.page
    person.open("/console")
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def main():
    said = given()
    person = Person(said)
    name, another = said["name"], "Another12password"
    with person.at() as page:
        with_keys_only(person, name, said["password"])
        line = page.locator("pre").inner_text()
        host = said["origin"].removeprefix("http://")
        assert f"docker login {host} --username {name}" in line, line
        assert f"docker push {host}/library/" in line, line

        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_label("Present password").fill(said["password"])
        page.get_by_label("New password", exact=True).fill(another)
        page.get_by_label("New password, again").fill(another)
        page.get_by_role("main").get_by_role("button").first.click()
        page.get_by_role("status").filter(has_text="The password is changed").wait_for()

        # The overview shows the first push by itself, without being loaded again.
        person.open("/console/accounts/default")
        page.get_by_text("Waiting for the first push").wait_for()
        push(said["origin"], f"{name}:{another}", "library/alpine", "first")
        page.get_by_role("link", name="library/alpine").wait_for()
        assert not violations(page)

        page.get_by_role("link", name="library/alpine").click()
        page.get_by_role("link", name="first").or_(page.locator("tbody a")).first.click()
        assert "docker pull" in page.get_by_role("main").inner_text()
        assert page.get_by_text("RUN apt-get update").is_visible()
        person.picture("artifact")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_text("You are signed out").wait_for()
    print("arrived")


main()
