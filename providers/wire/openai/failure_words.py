"""Which words of an upstream tell what its failure means, whatever its status? A table for each vendor, a source for each row.

All tables count for every target: the words are distinct, and gateways such as OpenRouter repeat those of the vendors behind
them. `words` are exact values of an error's `code`, `type`, `status` or `reason`, in lower case with underscores; one that ends
in `*` is the beginning of a value. `text` is what a message begins with, quoted parts and paths left out: these may repeat what
the client wrote, which must not pass for the provider's own words. `statuses` are those with which a row counts; `IN_BAND`
stands for an error in an answer that seemed good.
"""

from __future__ import annotations

from typing import NamedTuple

from providers.errors import (
    CallerError,
    CredentialError,
    ModelNotFound,
    Overloaded,
    PromptRefused,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    Unsupported,
    UpstreamFailed,
    UpstreamTimedOut,
)

IN_BAND = 0
Meaning = type[ProviderError]


class Row(NamedTuple):
    """What some words mean; `statuses` () for any."""

    means: Meaning
    source: str
    words: str = ""
    text: str = ""
    statuses: tuple[int, ...] = ()


REFUSING = (400, 401, 403, 404, 409, 412, 413, 422, 424, IN_BAND)
"""Statuses of which a client might think that its request was at fault."""

OPENAI_CODES = "https://platform.openai.com/docs/guides/error-codes"
OPENAI_API = "https://platform.openai.com/docs/api-reference/responses/object#responses/object-error"
OPENAI = (
    Row(QuotaExceeded, OPENAI_CODES, "insufficient_quota billing_* credit_balance_exhausted"),
    Row(
        CredentialError,
        OPENAI_CODES,
        "invalid_api_key account_deactivated account_disabled invalid_organization organization_* no_such_organization"
        " mismatched_organization mismatched_project project_archived ip_not_authorized token_expired missing_scope"
        " insufficient_permissions unsupported_country_region_territory",
    ),
    Row(CredentialError, OPENAI_CODES, text=r"your organization must be verified", statuses=REFUSING),
    Row(CredentialError, OPENAI_CODES, text=r"you must be a member of an organization", statuses=REFUSING),
    Row(ModelNotFound, OPENAI_CODES, "model_not_found"),
    Row(RateLimited, OPENAI_CODES, "rate_limit_exceeded rate_limit_error"),
    Row(Overloaded, OPENAI_CODES, "slow_down server_overloaded engine_overloaded"),
    Row(PromptRefused, OPENAI_CODES, "content_filter content_policy_violation moderation_blocked safety_violation"),
    Row(
        CallerError,
        OPENAI_API,
        "invalid_prompt bio_policy cyber_policy misalignment_policy_violation invalid_image invalid_image_format"
        " invalid_base64_image invalid_image_url image_too_large image_too_small image_parse_error"
        " image_content_policy_violation invalid_image_mode image_file_too_large unsupported_image_media_type"
        " empty_image_file failed_to_download_image image_file_not_found context_length_exceeded"
        " string_above_max_length array_above_max_length previous_response_not_found response_not_found file_not_found",
    ),
    Row(
        CallerError,
        OPENAI_CODES,
        "invalid_value invalid_type unknown_parameter unsupported_parameter unsupported_value missing_required_parameter",
        statuses=(IN_BAND,),
    ),
)

AZURE_FILTER = "https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter"
AZURE_FAQ = "https://learn.microsoft.com/azure/ai-foundry/openai/reference"
AZURE = (
    Row(PromptRefused, AZURE_FILTER, "responsibleaipolicyviolation"),
    Row(PromptRefused, AZURE_FILTER, text=r"the response was filtered due to the prompt", statuses=REFUSING),
    Row(ModelNotFound, AZURE_FAQ, "deploymentnotfound operationnotsupported unknown_model unavailable_model"),
    Row(
        CredentialError,
        AZURE_FAQ,
        "invalidsubscriptionkey permissiondenied accessdenied subscriptionnotfound subscriptiondisabled",
    ),
)

ANTHROPIC_ERRORS = "https://docs.claude.com/en/api/errors"
ANTHROPIC = (
    Row(QuotaExceeded, ANTHROPIC_ERRORS, text=r"your credit balance is too low", statuses=REFUSING),
    Row(QuotaExceeded, ANTHROPIC_ERRORS, text=r"you have reached your specified .{0,20}usage limits", statuses=REFUSING),
    Row(CredentialError, ANTHROPIC_ERRORS, "authentication_error"),
    Row(Overloaded, ANTHROPIC_ERRORS, "overloaded_error"),
    Row(UpstreamTimedOut, ANTHROPIC_ERRORS, "timeout_error"),
    Row(CallerError, ANTHROPIC_ERRORS, "request_too_large"),
)

GOOGLE_ERRORS = "https://ai.google.dev/gemini-api/docs/troubleshooting"
GOOGLE_REASONS = "https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto"
GOOGLE = (
    Row(
        CredentialError,
        GOOGLE_REASONS,
        "api_key_* consumer_invalid consumer_suspended service_disabled user_project_denied access_token_* account_state_invalid"
        " service_not_visible security_policy_violated location_policy_violated org_restriction_violation",
    ),
    Row(QuotaExceeded, GOOGLE_REASONS, "resource_quota_exceeded quota_per_day"),
    Row(CredentialError, GOOGLE_ERRORS, text=r"user location is not supported", statuses=REFUSING),
    Row(QuotaExceeded, GOOGLE_ERRORS, text=r"gemini api free tier is not available", statuses=REFUSING),
    Row(RateLimited, GOOGLE_ERRORS, "resource_exhausted"),
    Row(UpstreamFailed, GOOGLE_ERRORS, "cancelled aborted internal data_loss"),
    Row(UpstreamTimedOut, GOOGLE_ERRORS, "deadline_exceeded"),
    Row(Overloaded, GOOGLE_ERRORS, "unavailable"),
    Row(PromptRefused, GOOGLE_ERRORS, "prohibited_content"),
)

GROQ_ERRORS = "https://console.groq.com/docs/errors"
GROQ = (
    Row(QuotaExceeded, "https://console.groq.com/docs/spend-limits", "blocked_api_access"),
    Row(
        ModelNotFound,
        "https://console.groq.com/docs/model-permissions",
        "model_permission_* model_decommissioned model_terms_required",
    ),
    Row(CallerError, "https://console.groq.com/docs/tool-use", "tool_use_failed json_validate_failed"),
    Row(RateLimited, GROQ_ERRORS, text=r"request too large for model .{0,200}\(TPM\)", statuses=(400, 413, IN_BAND)),
)

XAI_ERRORS = "https://docs.x.ai/docs/key-information/debugging"
XAI = (
    Row(PromptRefused, XAI_ERRORS, text=r"content violates usage guidelines", statuses=REFUSING),
    Row(
        QuotaExceeded,
        XAI_ERRORS,
        text=r"you(?:r (?:newly created )?teams?\b.{0,80}| have) (?:(?:has )?either used all available|run out of"
        r"|doesn.t have any).{0,20}credits",
        statuses=(*REFUSING, 429),
    ),
)

OPENROUTER_ERRORS = "https://openrouter.ai/docs/api-reference/errors-and-debugging"
OPENROUTER = (
    Row(PromptRefused, OPENROUTER_ERRORS, "moderation", statuses=REFUSING),
    Row(PromptRefused, OPENROUTER_ERRORS, text=r".{0,120}\brequires moderation\b", statuses=REFUSING),
    Row(QuotaExceeded, OPENROUTER_ERRORS, text=r"key limit exceeded", statuses=REFUSING),
    Row(
        Unsupported,
        "https://openrouter.ai/docs/features/provider-routing",
        text=r"no endpoints found that (?:support|can handle)",
        statuses=(404, IN_BAND),
    ),
    Row(ModelNotFound, OPENROUTER_ERRORS, text=r"(?:\S* )?is not a valid model id", statuses=(400, IN_BAND)),
)

DEEPSEEK_ERRORS = "https://api-docs.deepseek.com/quick_start/error_codes"
DEEPSEEK = (
    Row(ModelNotFound, DEEPSEEK_ERRORS, text=r"model not exist", statuses=REFUSING),
    Row(PromptRefused, DEEPSEEK_ERRORS, text=r"content exists risk", statuses=REFUSING),
)

MISTRAL_ERRORS = "https://docs.mistral.ai/api/"
MISTRAL = (
    Row(Overloaded, MISTRAL_ERRORS, "service_tier_capacity_exceeded 3505"),
    Row(Overloaded, MISTRAL_ERRORS, text=r"service tier capacity exceeded"),
    Row(RateLimited, MISTRAL_ERRORS, "rate_limited 1300"),
    Row(ModelNotFound, MISTRAL_ERRORS, "invalid_model 1500"),
)

TOGETHER_ERRORS = "https://docs.together.ai/docs/error-codes"
TOGETHER = (
    Row(QuotaExceeded, TOGETHER_ERRORS, "credit_limit", statuses=(402, *REFUSING)),
    Row(ModelNotFound, TOGETHER_ERRORS, "model_not_available"),
    Row(ModelNotFound, TOGETHER_ERRORS, text=r"unable to access (?:non-serverless )?model", statuses=REFUSING),
)

FIREWORKS = (
    Row(
        QuotaExceeded,
        "https://docs.fireworks.ai/guides/inference-error-codes",
        text=r"account \S{0,100} ?is suspended",
        statuses=REFUSING,
    ),
)

COHERE_ERRORS = "https://docs.cohere.com/reference/errors"
COHERE = (
    Row(CredentialError, COHERE_ERRORS, text=r"(?:invalid|no) api token", statuses=REFUSING),
    Row(CredentialError, COHERE_ERRORS, text=r"no api key supplied", statuses=REFUSING),
)

CEREBRAS_ERRORS = "https://inference-docs.cerebras.ai/support/error"
CEREBRAS = (
    Row(CredentialError, CEREBRAS_ERRORS, "wrong_api_key"),
    Row(QuotaExceeded, CEREBRAS_ERRORS, "payment_required payment_required_error"),
    Row(Overloaded, CEREBRAS_ERRORS, "queue_exceeded"),  # its type is that of the next row
    Row(RateLimited, CEREBRAS_ERRORS, "token_quota_exceeded request_quota_exceeded too_many_requests_error"),
)

PERPLEXITY = (
    Row(
        ModelNotFound,
        "https://docs.perplexity.ai/api-reference/chat-completions-post",
        text=r"invalid model\b",
        statuses=REFUSING,
    ),
)

NVIDIA = (
    Row(
        QuotaExceeded,
        "https://docs.api.nvidia.com/nim/reference/llm-apis",
        text=r"account .{0,80}cloud credits expired",
        statuses=(402, *REFUSING),
    ),
)

HUGGING_FACE = (
    Row(ModelNotFound, "https://huggingface.co/docs/inference-providers", "model_not_supported"),
    Row(
        QuotaExceeded,
        "https://huggingface.co/docs/inference-providers/pricing",
        text=r"you have exceeded your monthly included credits",
        statuses=(402, *REFUSING),
    ),
)

VLLM_ERRORS = "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"
VLLM = (
    Row(CallerError, VLLM_ERRORS, "badrequesterror value_error validation_error", statuses=(IN_BAND,)),
    Row(ModelNotFound, VLLM_ERRORS, "notfounderror", statuses=(IN_BAND,)),
)

OLLAMA_ERRORS = "https://github.com/ollama/ollama/blob/main/server/routes.go"
OLLAMA = (
    Row(
        Unsupported,
        OLLAMA_ERRORS,
        text=r"does not support (?:tools|thinking|vision|chat|generate|insert|completion|embedding)",
        statuses=(400, IN_BAND),
    ),
    Row(CallerError, OLLAMA_ERRORS, text=r"the input length exceeds the context length", statuses=REFUSING),
)

ALIBABA_ERRORS = "https://www.alibabacloud.com/help/en/model-studio/error-code"
ALIBABA = (
    Row(PromptRefused, ALIBABA_ERRORS, "data_inspection_failed datainspectionfailed"),
    Row(QuotaExceeded, ALIBABA_ERRORS, "arrearage allocationquota.freetieronly"),
    Row(ModelNotFound, ALIBABA_ERRORS, "modelnotfound model.accessdenied"),
    Row(RateLimited, ALIBABA_ERRORS, "throttling*"),
)

MOONSHOT_ERRORS = "https://platform.moonshot.ai/docs/api/chat"
MOONSHOT = (
    Row(QuotaExceeded, MOONSHOT_ERRORS, "exceeded_current_quota_error"),
    Row(Overloaded, MOONSHOT_ERRORS, "engine_overloaded_error"),
    Row(RateLimited, MOONSHOT_ERRORS, "rate_limit_reached_error"),
    Row(CredentialError, MOONSHOT_ERRORS, "invalid_authentication_error incorrect_api_key_error"),
)

MINIMAX_ERRORS = "https://platform.minimax.io/docs/api-reference/errorcode"
MINIMAX = (
    Row(RateLimited, MINIMAX_ERRORS, "base_resp_1002 base_resp_1039"),
    Row(CredentialError, MINIMAX_ERRORS, "base_resp_1004 base_resp_2049"),
    Row(QuotaExceeded, MINIMAX_ERRORS, "base_resp_1008"),
    Row(PromptRefused, MINIMAX_ERRORS, "base_resp_1026 base_resp_1027"),
    Row(CallerError, MINIMAX_ERRORS, "base_resp_2013"),
)

GRPC = "https://grpc.io/docs/guides/status-codes/"
HTTP = "https://www.rfc-editor.org/rfc/rfc9110#name-status-codes"
GENERAL = (
    Row(RateLimited, HTTP, "too_many_requests requests_limit_exceeded"),
    Row(QuotaExceeded, HTTP, "quota_exceeded insufficient_balance insufficient_funds insufficient_credits out_of_credits"),
    Row(CredentialError, HTTP, "incorrect_api_key account_suspended unauthenticated"),
    Row(Overloaded, HTTP, "overloaded service_unavailable model_overloaded capacity_exceeded model_loading"),
    Row(UpstreamFailed, HTTP, "server_error internal_server_error internal_error internalservererror", statuses=REFUSING),
    Row(CredentialError, HTTP, text=r"(?:incorrect|invalid|wrong|expired) api[ -]?key\b", statuses=REFUSING),
    Row(
        CredentialError,
        HTTP,
        text=r"(?:the |your )?api[ -]?key (?:not valid|is (?:not valid|invalid)|expired)",
        statuses=REFUSING,
    ),
    Row(
        QuotaExceeded,
        HTTP,
        text=r"(?:you have )?insufficient (?:account )?(?:balance|credits?|funds|quota)",
        statuses=(*REFUSING, 429),
    ),
    Row(
        QuotaExceeded,
        HTTP,
        text=r"(?:your |this |the )?(?:account|team|workspace|subscription|project)\b.{0,60}"
        r"\b(?:is|has been|was) (?:suspended|past due|out of credits)",
        statuses=REFUSING,
    ),
    Row(
        CredentialError,
        HTTP,
        text=r"(?:your |this |the )?(?:account|organization|team|workspace|project)\b.{0,60}"
        r"\b(?:is|has been|was) (?:deactivated|disabled|restricted|blocked|not active)",
        statuses=REFUSING,
    ),
    Row(RateLimited, HTTP, text=r"(?:rate limit (?:reached|exceeded)|too many requests)", statuses=REFUSING),
    Row(
        Overloaded,
        HTTP,
        text=r"(?:the |this )?(?:service|server|model|engine|system)\b.{0,60}\b(?:overloaded|busy|at capacity"
        r"|temporarily unavailable|currently loading)\b",
        statuses=REFUSING,
    ),
    Row(UpstreamFailed, HTTP, text=r"temporar(?:y|ily)\b.{0,60}\b(?:error|failure|unavailable)", statuses=REFUSING),
    Row(
        PromptRefused,
        HTTP,
        text=r"(?:your |the |this )?(?:request|prompt|input|content)\b.{0,40}\b(?:was|were|is|been) (?:blocked|flagged)\b",
        statuses=REFUSING,
    ),
    Row(
        CallerError,
        OPENAI_CODES,
        text=r".{0,200}\b(?:maximum context length|context (?:length|window|size)|prompt is too long|input is too long)\b",
        statuses=(500, IN_BAND),
    ),
    Row(CredentialError, HTTP, "permission_error permission_denied unauthorized forbidden", statuses=(IN_BAND,)),
    Row(CallerError, GRPC, "invalid_request_error invalid_request invalid_argument out_of_range", statuses=(IN_BAND,)),
)

TABLES = {
    "OpenAI": OPENAI, "Azure OpenAI": AZURE, "Anthropic": ANTHROPIC, "Google": GOOGLE, "Groq": GROQ, "xAI": XAI,
    "OpenRouter": OPENROUTER, "DeepSeek": DEEPSEEK, "Mistral": MISTRAL, "Together": TOGETHER, "Fireworks": FIREWORKS,
    "Cohere": COHERE, "Cerebras": CEREBRAS, "Perplexity": PERPLEXITY, "NVIDIA": NVIDIA, "Hugging Face": HUGGING_FACE,
    "vLLM": VLLM, "Ollama": OLLAMA, "Alibaba": ALIBABA, "Moonshot": MOONSHOT, "MiniMax": MINIMAX, "others": GENERAL,
}  # fmt: skip
"""By vendor; the first row that fits counts."""
