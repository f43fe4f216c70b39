"""How is an event of ConverseStream sent?

Format: `bedrock-runtime` of botocore 1.44.8, `ConverseStreamOutput`, in AWS's event stream: the kind of an event stands in a
header of its frame, and in a JSON value as the one field of an object.
"""

from __future__ import annotations

import msgspec

from providers.bytes.event_stream import event_frame
from providers.bytes.event_stream import frame_of as without_name
from providers.canonical.extra import Json

ID_PREFIX = "converse"
CLOSING = b""
EXCEPTION = "Exception"


def frame_of(frame: Json) -> bytes:
    """The frame of an event, `{"messageStart": {…}}`, or of an exception."""
    name, payload = next(iter(frame.items()))
    if not isinstance(payload, dict):  # one that is none of Converse's
        return without_name(msgspec.json.encode(frame), {})
    return event_frame(name, msgspec.json.encode(payload), "exception" if name.endswith(EXCEPTION) else "event")
