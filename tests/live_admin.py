"""How does a test use the admin of a running gateway without a browser? As one that opens pages and sends their forms."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.live import LiveGateway

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Visitor:
    """A browser at an address, which the trusted proxy tells the gateway. It finds the gateway where that is started again."""

    def __init__(self, gateway: LiveGateway, address: str = "") -> None:
        self._gateway = gateway
        self._headers = {"x-forwarded-for": address} if address else {}
        self._cookies = httpx.Cookies()

    def ask(self, method: str, url: str, **fields: str | list[str]) -> httpx.Response:
        options: Any = {"headers": self._headers, "cookies": self._cookies, "trust_env": False, "timeout": 60}
        with httpx.Client(base_url=self._gateway.base_url, **options) as http:
            answer = http.request(method, url, data=fields or None)
            self._cookies.update(http.cookies)
        return answer

    def send(self, url: str, **fields: str | list[str]) -> httpx.Response:
        """Opens a page and submits its form."""
        token = TOKEN.search(self.ask("GET", url).text)
        assert token is not None
        return self.ask("POST", url, csrfmiddlewaretoken=token[1], **fields)

    def post(self, url: str, **fields: str | list[str]) -> httpx.Response:
        """A form that need not have been opened: forged, but with the token of this visitor."""
        return self.ask("POST", url, csrfmiddlewaretoken=self._cookies["signalbox_csrf"], **fields)

    def sign_in(self, name: str, password: str) -> int:
        """The status: 302 when it went well."""
        return self.send("/admin/login/", username=name, password=password).status_code
