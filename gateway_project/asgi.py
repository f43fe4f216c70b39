"""Where do connections enter? One ASGI application: the data path, Django for the rest, and the lifespan of both."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
django_application: Any = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402 - needs Django to be set up
from django.conf import settings  # noqa: E402

from gateway_project.bounded_django import MAX_BODY_BYTES, BoundedDjango  # noqa: E402
from gateway_project.lifespan import Lifespan  # noqa: E402
from gateway_project.wiring import Running, limits  # noqa: E402
from openai_api.consumers import InferenceConsumer  # noqa: E402
from openai_api.cors import Cors  # noqa: E402
from openai_api.routes import TABLE  # noqa: E402
from openai_api.websockets import ResponsesSocket  # noqa: E402

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

running = Running()
only_data, serves_data = settings.GATEWAY_ROLE == "data", settings.GATEWAY_ROLE != "control"
inference: Asgi = InferenceConsumer.as_asgi(running.gateway)
if settings.GATEWAY_CORS_ORIGINS:
    inference = Cors(inference, settings.GATEWAY_CORS_ORIGINS)
pages: Asgi = BoundedDjango(django_application, limits(MAX_BODY_BYTES))
sockets: Asgi = ResponsesSocket.as_asgi(running.gateway)


async def http(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """The public paths go to the consumer, all others to Django, unless this server has only the data path."""
    if not running.started:
        await running.start()  # a server without the lifespan protocol, such as daphne
    path = scope["path"]
    own = only_data or TABLE.owns(path) or (serves_data and TABLE.owns_for(scope["method"], path, scope["headers"]))
    await (inference if own else pages)(scope, receive, send)


async def websocket(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """All of them are the data path's."""
    if not running.started:
        await running.start()
    await sockets(scope, receive, send)


application = ProtocolTypeRouter({"http": http, "websocket": websocket, "lifespan": Lifespan(running.start, running.stop)})
