"""The codec of Anthropic's Messages."""

from providers.wire.anthropic_messages.codec.answers.decode import decode_answer
from providers.wire.anthropic_messages.codec.answers.encode import encode_answer
from providers.wire.anthropic_messages.codec.requests.decode import decode_request
from providers.wire.anthropic_messages.codec.requests.encode import encode_request
from providers.wire.anthropic_messages.codec.streams import decode, encode
from providers.wire.anthropic_messages.codec.words import WIRE
from providers.wire.anthropic_messages.errors import failure_told as failure_of
from providers.wire.anthropic_messages.framing import CLOSING, ID_PREFIX, frame_of

wire, id_prefix, closing = WIRE, ID_PREFIX, CLOSING
stream_decoder, stream_encoder = decode.StreamDecoder, encode.StreamEncoder
__all__ = ["decode_answer", "decode_request", "encode_answer", "encode_request", "failure_of", "frame_of"]
