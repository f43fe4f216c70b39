"""The codec of Ollama's chat."""

from providers.wire.ollama.codec.answers.decode import decode_answer
from providers.wire.ollama.codec.answers.encode import encode_answer
from providers.wire.ollama.codec.framing import CLOSING, ID_PREFIX, frame_of
from providers.wire.ollama.codec.requests.decode import decode_request
from providers.wire.ollama.codec.requests.encode import encode_request
from providers.wire.ollama.codec.streams import decode, encode
from providers.wire.ollama.codec.words import WIRE
from providers.wire.ollama.errors import told_failure as failure_of

wire, id_prefix, closing = WIRE, ID_PREFIX, CLOSING
stream_decoder, stream_encoder = decode.StreamDecoder, encode.StreamEncoder
__all__ = ["decode_answer", "decode_request", "encode_answer", "encode_request", "failure_of", "frame_of"]
