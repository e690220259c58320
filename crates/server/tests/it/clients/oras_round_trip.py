"""Pushes one file as an artifact, lists it, pulls it back. Prints the manifest's digest."""

import sys

import oras.client

host, user, password, name, file, target = sys.argv[1:]
repository, tag = name.split(":")
# The default backend: it asks the registry for tokens.
client = oras.client.OrasClient(hostname=host, insecure=True)
client.login(hostname=host, username=user, password=password, tls_verify=False)
answer = client.push(
    files=[f"{file}:text/plain"],
    target=f"{host}/{name}",
    manifest_annotations={"org.opencontainers.image.title": "report"},
)
assert answer.status_code == 201, answer.text
tags = client.get_tags(f"{host}/{repository}")
assert tags == [tag], tags
manifest = client.get_manifest(f"{host}/{name}")
assert manifest["layers"][0]["mediaType"] == "text/plain", manifest
pulled = client.pull(target=f"{host}/{name}", outdir=target)
assert len(pulled) == 1, pulled
print(answer.headers["Docker-Content-Digest"])
