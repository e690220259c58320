"""A mail server that keeps what it is sent: one file of JSON for each mail, in the order in which they came.

Arguments: port, directory, how it is secured ("none", "starttls" or "tls"), name and password ("" for anybody).
What it does is decided by files in the directory: refuse.json says by address how it is refused, while `busy` is there
nothing is taken, and while `forget` is there the connection ends before it says that it took a mail.
"""

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, place, security, name, password = sys.argv[1:6]


def at(file):
    return os.path.join(place, file)


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if os.path.exists(at("refuse.json")):
            with open(at("refuse.json")) as file:
                refused = json.load(file)
            if address in refused:
                return refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if os.path.exists(at("busy")):
            return "451 4.3.0 not now"
        Handler.count += 1
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": envelope.content.decode("utf-8"),
            "is_secure": session.ssl is not None or security == "tls",
            "is_known": bool(session.authenticated),
        }
        number = len([file for file in os.listdir(place) if file.endswith(".mail")])
        with open(at("writing"), "w") as file:
            json.dump(mail, file)
        os.rename(at("writing"), at(f"{number:06}.mail"))
        if os.path.exists(at("forget")):
            server.transport.abort()
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    is_right = (data.login.decode(), data.password.decode()) == (name, password)
    return AuthResult(success=is_right, handled=False)


def certificate():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(at("certificate.pem"), at("key.pem"))
    return context


def conversation():
    return SMTP(
        Handler(),
        hostname="mail.example.com",
        tls_context=certificate() if security == "starttls" else None,
        require_starttls=security == "starttls",
        authenticator=authenticate if name else None,
        auth_required=bool(name),
        auth_require_tls=security == "starttls",
        timeout=60,
    )


async def main():
    context = certificate() if security == "tls" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(conversation, "127.0.0.1", int(port), ssl=context)
    await server.serve_forever()


asyncio.run(main())
