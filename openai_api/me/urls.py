"""Where do the pages of people stand? Below /me/; `/me/usage` is the data path's."""

from __future__ import annotations

from django.urls import path

from openai_api.me import views

app_name = "me"
urlpatterns = [
    path("", views.home, name="home"),
    path("keys/new/", views.new_key, name="new_key"),
    path("keys/<uuid:key>/replace/", views.replace, name="replace"),
    path("keys/<uuid:key>/revoke/", views.revoke, name="revoke"),
    path("ask/", views.ask, name="ask"),
    path("sign-out/", views.sign_out, name="sign_out"),
]
