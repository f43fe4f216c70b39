"""How does an upstream misbehave below HTTP? A listening socket whose connections a function of the test serves."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Serve = Callable[[socket.socket], None]
PEM = serialization.Encoding.PEM


class RawUpstream:
    """`received` is everything that came, decrypted where there is TLS; `connections` counts."""

    def __init__(self, make: Callable[[RawUpstream], Serve]) -> None:
        self.received = bytearray()
        self.connections = 0
        self._serve = make(self)
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}/v1"

    def close(self) -> None:
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def request(self, sock: socket.socket) -> bytes:
        """Reads one request with a Content-Length; nothing when the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (part := self.read(sock)):
                return b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            if not (part := self.read(sock)):
                return b""
            body += part
        return head + b"\r\n\r\n" + body

    def drain(self, sock: socket.socket) -> None:
        """Takes whatever comes, and says nothing."""
        while self.read(sock):
            pass

    def read(self, sock: socket.socket) -> bytes:
        part = sock.recv(65536)
        self.received += part
        return part

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._guarded, args=(sock,), daemon=True).start()

    def _guarded(self, sock: socket.socket) -> None:
        try:
            self._serve(sock)
        except OSError:  # the gateway has hung up, or a handshake failed
            pass
        finally:
            sock.close()


@contextmanager
def raw_upstream(make: Callable[[RawUpstream], Serve]) -> Iterator[RawUpstream]:
    """An upstream that serves each connection, in a thread of its own, with what `make` gives."""
    upstream = RawUpstream(make)
    try:
        yield upstream
    finally:
        upstream.close()


@contextmanager
def silent_address() -> Iterator[str]:
    """An OpenAI address where no connection is ever accepted: the backlog of its listener is full."""
    with ExitStack() as kept:
        listener = kept.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = kept.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def tls_context(directory: Path, host: str) -> ssl.SSLContext:
    """A server's TLS settings with a self-signed certificate for `host`, which `directory`/HOST.pem holds to trust it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's own")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    numeric = host.replace(".", "").isdigit()
    alternative = x509.IPAddress(ipaddress.ip_address(host)) if numeric else x509.DNSName(host)
    builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    path, whole = directory / f"{host}.pem", directory / f"{host}-key.pem"
    path.write_bytes(certificate.public_bytes(PEM))
    plain = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    whole.write_bytes(plain + certificate.public_bytes(PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(whole)
    return context
