"""How are WebSocket messages compressed? As RFC 7692 has it (permessage-deflate), within bounds of size and time.

Codex and browsers offer it. A message that grows more than a hundredfold is refused (1009), as a request's body is. What is large
goes out as it is: pictures in base64 hardly shrink, and nothing else runs while they are compressed.
"""

from __future__ import annotations

from collections.abc import Sequence

from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.typing import ExtensionParameter

from providers.bytes.content_coding import MAX_RATIO

SLACK_BYTES = 64 * 1024
"""What a frame may become whatever it was: short texts shrink well."""
LARGE = 64 * 1024
"""Bytes from which a message is sent as it is."""
WINDOW_BITS = 12
MEMORY_LEVEL = 5
"""With these a connection takes 60 KiB more, and not 300."""


class BoundedDeflate(PerMessageDeflate):
    """The compression of one connection."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """Raises `PayloadTooBig` for a frame that becomes too large."""
        most = len(frame.data) * MAX_RATIO + SLACK_BYTES
        return super().decode(frame, max_size=most if max_size is None else min(most, max_size))

    def encode(self, frame: Frame) -> Frame:
        return frame if frame.fin and len(frame.data) > LARGE else super().encode(frame)


class BoundedDeflateFactory(ServerPerMessageDeflateFactory):
    """Agrees with a client on the compression."""

    def __init__(self) -> None:
        super().__init__(
            server_max_window_bits=WINDOW_BITS,
            client_max_window_bits=WINDOW_BITS,
            compress_settings={"memLevel": MEMORY_LEVEL},
        )

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[object]
    ) -> tuple[list[ExtensionParameter], BoundedDeflate]:
        agreed, plain = super().process_request_params(params, accepted_extensions)  # type: ignore[arg-type]
        bounded = BoundedDeflate(
            plain.remote_no_context_takeover,
            plain.local_no_context_takeover,
            plain.remote_max_window_bits,
            plain.local_max_window_bits,
            self.compress_settings,
        )
        return agreed, bounded
