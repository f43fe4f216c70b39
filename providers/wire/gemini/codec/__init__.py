"""The codec of Gemini's generateContent and streamGenerateContent."""

from providers.wire.gemini.codec.answers.decode import decode_answer
from providers.wire.gemini.codec.answers.encode import encode_answer
from providers.wire.gemini.codec.framing import CLOSING, ID_PREFIX, frame_of
from providers.wire.gemini.codec.requests.decode import decode_request
from providers.wire.gemini.codec.requests.encode import encode_request
from providers.wire.gemini.codec.streams import decode, encode
from providers.wire.gemini.codec.words import WIRE
from providers.wire.gemini.errors import failure_meant as failure_of

wire, id_prefix, closing = WIRE, ID_PREFIX, CLOSING
stream_decoder, stream_encoder = decode.StreamDecoder, encode.StreamEncoder
__all__ = ["decode_answer", "decode_request", "encode_answer", "encode_request", "failure_of", "frame_of"]
