"""Gemini's format: generateContent and streamGenerateContent, as google-genai 3.6.1 has them."""
