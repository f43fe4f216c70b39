"""Which public paths are there? The table of contents, each path once; everything else is Django's.

`http/routing.py` has what a path may be, and in which spellings it is found.
"""

from __future__ import annotations

from openai_api.dialects.anthropic import ANTHROPIC
from openai_api.dialects.gemini import GEMINI
from openai_api.dialects.ollama import OLLAMA
from openai_api.endpoints import (
    chat_completions,
    completions,
    embed_content,
    embeddings,
    generate_content,
    health,
    image_edits,
    image_generations,
    image_variations,
    me_usage,
    message_tokens,
    messages,
    metrics,
    models,
    moderations,
    ollama_chat,
    ollama_embed,
    ollama_generate,
    ollama_models,
    rerank,
    response_compact,
    response_input_tokens,
    response_objects,
    responses,
    speech,
    transcriptions,
    translations,
)
from openai_api.endpoints.gemini_path import as_array
from openai_api.http.routing import Route, RouteTable, Socket
from openai_api.pipeline.exchange import inference
from openai_api.responses.journey import responding
from providers.convert.counting import ask_count
from providers.wire.openai_image import MAX_FILE_BYTES as MAX_IMAGE_BYTES

MIB = 1024**2
GENERATE = inference(generate_content.decode)
STREAM = as_array(inference(generate_content.decode_stream))
COUNT = inference(generate_content.decode_count, ask=ask_count, shape=generate_content.counted)
EMBED = inference(embed_content.decode, ask=embed_content.ask_embeddings, shape=embed_content.one)
EMBED_BATCH = inference(embed_content.decode_batch, ask=embed_content.ask_embeddings, shape=embed_content.several)
VERBS = {
    "generateContent": GENERATE,
    "streamGenerateContent": STREAM,
    "countTokens": COUNT,
    "embedContent": EMBED,
    "batchEmbedContents": EMBED_BATCH,
}
"""What can be asked of a model of Gemini's paths. Google's clients differ in the version that they ask."""

ROUTES = (
    Route("POST", "/v1/chat/completions", inference(chat_completions.decode)),
    Route("POST", "/v1/completions", inference(completions.decode)),
    Route("POST", "/v1/embeddings", inference(embeddings.decode)),
    Route("POST", "/v1/moderations", inference(moderations.decode)),
    Route("POST", "/v1/rerank", inference(rerank.decode)),
    Route("POST", "/v1/audio/transcriptions", inference(transcriptions.decode), max_file_bytes=25 * MIB, max_form_bytes=33 * MIB),
    Route("POST", "/v1/audio/translations", inference(translations.decode), max_file_bytes=25 * MIB, max_form_bytes=33 * MIB),
    Route("POST", "/v1/audio/speech", inference(speech.decode)),
    Route("POST", "/v1/images/generations", inference(image_generations.decode)),
    Route("POST", "/v1/images/edits", inference(image_edits.decode), max_file_bytes=MAX_IMAGE_BYTES),
    Route("POST", "/v1/images/variations", inference(image_variations.decode), max_file_bytes=MAX_IMAGE_BYTES),
    Route("POST", "/v1/responses", responding(responses.decode)),
    Route("POST", "/v1/responses/input_tokens", responding(response_input_tokens.decode)),
    Route("POST", "/v1/responses/compact", responding(response_compact.decode)),
    Route("GET", "/v1/responses/{id}/input_items", response_objects.items),
    Route("POST", "/v1/responses/{id}/cancel", response_objects.cancel),
    Route("GET", "/v1/responses/{id}", response_objects.get),
    Route("DELETE", "/v1/responses/{id}", response_objects.delete),
    Route("POST", "/v1/responses/{id}", response_objects.post),
    Route("POST", "/v1/messages", inference(messages.decode), ANTHROPIC),
    Route("POST", "/v1/messages/count_tokens", message_tokens.count, ANTHROPIC),
    *(
        Route("POST", f"/{version}/models/{{model}}:{verb}", handler, GEMINI)
        for version in ("v1beta", "v1")
        for verb, handler in VERBS.items()
    ),
    Route("GET", "/v1/models", models.list_models, others=(ANTHROPIC, GEMINI)),
    Route("GET", "/v1/models/{model:path}", models.get_model, others=(ANTHROPIC, GEMINI)),
    Route("GET", "/v1/me/usage", me_usage.usage, among_pages=True),
    Route("GET", "/v1beta/models", models.list_models, GEMINI),
    Route("GET", "/v1beta/models/{model:path}", models.get_model, GEMINI),
    Route("POST", "/api/chat", ollama_chat.chat, OLLAMA),
    Route("POST", "/api/generate", ollama_generate.generate, OLLAMA),
    Route("POST", "/api/embed", ollama_embed.embed, OLLAMA),
    Route("POST", "/api/embeddings", ollama_embed.embeddings, OLLAMA),
    Route("GET", "/api/tags", models.list_models, OLLAMA),
    Route("POST", "/api/show", ollama_models.show, OLLAMA),
    Route("GET", "/api/ps", ollama_models.ps, OLLAMA),
    Route("GET", "/api/version", ollama_models.version, OLLAMA),
    Route("POST", "/api/pull", ollama_models.managed, OLLAMA),
    Route("POST", "/api/push", ollama_models.managed, OLLAMA),
    Route("POST", "/api/create", ollama_models.managed, OLLAMA),
    Route("POST", "/api/copy", ollama_models.managed, OLLAMA),
    Route("DELETE", "/api/delete", ollama_models.managed, OLLAMA),
    Route("POST", "/api/blobs/{digest}", ollama_models.managed, OLLAMA),
    Route("HEAD", "/api/blobs/{digest}", ollama_models.managed, OLLAMA),
    Route("GET", "/", ollama_models.running, OLLAMA, keyed=False, beside_a_page=True),
    Route("GET", "/livez", health.livez, keyed=False),
    Route("GET", "/health/liveness", health.livez, keyed=False),
    Route("GET", "/health/liveliness", health.livez, keyed=False),
    Route("GET", "/readyz", health.readyz, keyed=False),
    Route("GET", "/health/readiness", health.readyz, keyed=False),
    Route("GET", "/health", health.health, keyed=False),
    Route("GET", "/status", health.status, keyed=False),
    Route("GET", "/metrics", metrics.metrics, keyed=False),
)

SOCKETS = (Socket("/v1/responses"),)
"""`GET` as a WebSocket."""

TABLE = RouteTable(ROUTES, SOCKETS)
