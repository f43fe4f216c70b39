"""How does the catalog follow what is published in Redis? One reader of the deployment loads it all, listens, and compares again.

The database is the truth: workers learn of a published key as of any other. While Redis is away, what is in the catalog stays.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterable
from secrets import token_hex
from time import monotonic

import redis
import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.utils import timezone

from models_catalog.audit.actor import Actor, acting
from models_catalog.audit.chain import collected
from models_catalog.models import Publication
from models_catalog.publication import key_rows, names
from models_catalog.publication.copying import refresh_statistics
from models_catalog.publication.lease import Lease, LostLease
from models_catalog.publication.mirror import Mirror, Touched
from models_catalog.publication.model_rows import ModelRows, with_followers
from models_catalog.publication.source import Source, missing, notifications
from models_catalog.publish import Part, current_version, mark_changed
from models_catalog.secrets.encryption import EncryptionError

TURN_S = 0.5
"""How long the reader listens before it looks at its lease and at the time."""
GATHERED_S = 0.02
"""What is published together is written together."""
WAIT_S = 2.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
SHOWN_PROBLEMS = 100
STATISTICS_AFTER = 5000
"""Keys that a comparison has changed, after which the database counts anew what it has."""
EMPTY = "the server has been started anew and holds nothing: what was published before stays in force"

log = structlog.stdlib.get_logger("gateway.publication")


class PublicationReader:
    """Runs in a thread or a process of its own, until `stop`. As many as there are may run: one of them reads."""

    def __init__(self, url: str, *, compare_s: float | None = None) -> None:
        self._url = url
        self._compare_s = settings.GATEWAY_REDIS_PUBLICATION_S if compare_s is None else compare_s
        self._lease = Lease(f"{socket.gethostname()[:60]}/{os.getpid()}/{token_hex(4)}")
        self._mirror = Mirror()
        self._mark: key_rows.Mark | None = None
        self._known: key_rows.Known | None = None
        self._clashes: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()
        self._stopping = threading.Event()
        self._failing = ""
        self._emptied = False

    def stop(self) -> None:
        """For any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Reads, or waits for its turn, until it is stopped."""
        pause = FIRST_PAUSE_S
        try:
            while not self._stopping.is_set():
                try:
                    if self._lease.take():
                        with acting(Actor("publication")):
                            self._read()
                        pause = FIRST_PAUSE_S
                    self._stopping.wait(WAIT_S)
                except LostLease:
                    log.info("another process reads the publication now")
                except (redis.RedisError, OSError, DatabaseError, EncryptionError) as error:
                    self._failed(error)
                    self._stopping.wait(random.uniform(pause / 2, pause))  # noqa: S311  jitter, not a secret
                    pause = min(2 * pause, LONGEST_PAUSE_S)
        finally:
            self._give_back()
            connections.close_all()

    def _failed(self, error: Exception) -> None:
        """Told once. Another node may reach Redis, so the lease is given back."""
        kind = type(error).__name__
        if kind != self._failing:
            log.error("publication cannot be read: what is in the catalog stays", error=kind)
        self._failing = kind
        self._give_back()
        connections.close_all()

    def _give_back(self) -> None:
        try:
            self._lease.give_back()
        except DatabaseError:
            log.debug("the lease runs out by itself")

    # With the lease

    def _read(self) -> None:
        self._mark = None  # the last write may have failed
        with Source(self._url) as source:
            self._known = key_rows.known()
            self._compare(source)
            self._known = None
            compared = monotonic()
            if self._failing:
                log.info("publication is read again")
                self._failing = ""
            while not self._stopping.is_set():
                changed = source.changed(TURN_S)
                if changed:
                    self._stopping.wait(GATHERED_S)
                    self._follow(source, changed | source.changed(0))
                self._lease.keep()
                if monotonic() - compared > self._compare_s:
                    self._compare(source)
                    compared = monotonic()

    def _compare(self, source: Source) -> None:
        """Compares everything: the catalog, and what Redis holds. What changes meanwhile is followed meanwhile."""
        started, server = monotonic(), source.server()
        present = set[bytes]()
        for portion in source.names():
            present |= portion
            self._meanwhile(source)
        known = Publication.objects.get(name=names.ORIGIN).server
        self._emptied = not present and known not in ("", server)
        if self._emptied:
            self._write_state()
            return
        self._clashes.clear()
        changed = self._write_keys(self._mirror.drop(self._mirror.names() - present))
        self._take_models(source, present)
        changed += self._take_keys(source, present)
        changed += sum(self._written(one) for one in key_rows.unpublished(self._mirror)) if self._drifted() else 0
        self._mark = key_rows.mark()
        self._write_state(server)
        if changed > STATISTICS_AFTER:
            refresh_statistics()
        took = round(monotonic() - started, 2)
        log.info("publication compared", redis_keys=len(self._mirror), keys_changed=changed, seconds=took)

    def _take_models(self, source: Source, present: Iterable[bytes]) -> None:
        """Before the keys that may use them."""
        for found in source.read(name for name in present if names.kind_of(name) is not names.Kind.KEYS):
            self._mirror.take(found, Touched())
            self._lease.keep()
        with transaction.atomic():
            rows = ModelRows(self._mirror)
            self._write_models(rows, rows.published() | self._mirror.models())

    def _take_keys(self, source: Source, present: Iterable[bytes]) -> int:
        if self._drifted():
            self._mirror.forget_seen()
        changed, touched = 0, Touched()
        for found in source.read(name for name in present if names.kind_of(name) is names.Kind.KEYS):
            self._mirror.take(found, touched)
            self._lease.keep()
            if len(touched) >= key_rows.PORTION:
                changed += self._write_keys(touched)
                touched = Touched(again=touched.again)
            self._meanwhile(source)
        changed += self._write_keys(touched)
        if touched.again:
            self._follow(source, touched.again)
        return changed

    def _drifted(self) -> bool:
        """Whether somebody else may have written or deleted published keys since they were compared."""
        mark = key_rows.mark()
        return self._mark is None or mark.rows != self._mark.rows or mark.newest > self._mark.newest

    def _meanwhile(self, source: Source) -> None:
        """A comparison takes seconds where there are very many keys; a change is not kept waiting for it."""
        if changed := source.changed(0):
            self._follow(source, changed)

    def _follow(self, source: Source, changed: set[bytes]) -> None:
        self._emptied = False
        while changed:
            found = [one for portion in source.read(changed) for one in portion]
            touched = self._mirror.drop(changed - {one.name for one in found})
            self._mirror.take(found, touched)
            if touched.models:
                with transaction.atomic():
                    affected = with_followers(self._mirror, touched.models)
                    self._write_models(ModelRows(self._mirror), affected)
            self._write_keys(touched)
            changed = touched.again
        self._write_state()

    # Writing

    def _write_models(self, rows: ModelRows, affected: Iterable[str]) -> None:
        self._lease.locked()
        affected = list(affected)
        for name in affected:
            self._clashes.pop(name, None)
        with collected():
            rows.write(affected)
        self._clashes.update(rows.clashes)

    def _write_keys(self, touched: Touched) -> int:
        """How many rows were changed."""
        if not touched:
            return 0
        return self._written(key_rows.changes_of(self._mirror, touched, self._known))

    def _written(self, changes: key_rows.Changes) -> int:
        self._clashes.update(dict.fromkeys(changes.clashing, key_rows.CLASH))
        if not changes.changed:
            return 0
        with transaction.atomic():
            self._lease.locked()
            with collected():
                key_rows.write(changes)
            version = current_version()
        if self._mark is not None:
            rows = self._mark.rows + len(changes.added) - len(changes.deleted)
            self._mark = key_rows.Mark(rows, max(self._mark.newest, version))
        if self._known is not None:
            self._known.update(dict.fromkeys(bytes.fromhex(told.key.digest) for told in changes.added))
        self._lease.keep()
        return changes.changed

    def _write_state(self, server: str | None = None) -> None:
        """The shared names and the problems, where they have changed; and after a comparison, that it was made."""
        bad = {(names.shown(name), message) for name, message in self._mirror.problems.items()}
        bad |= {("redis", EMPTY)} if self._emptied else set()
        self._tell(bad | {(f"published {name}", message) for name, message in self._clashes.items()})
        told = [list(problem) for problem in sorted(self._told)[:SHOWN_PROBLEMS]]
        if len(self._told) > SHOWN_PROBLEMS:
            told.append(["redis", f"and {len(self._told) - SHOWN_PROBLEMS} more"])
        shared = dict(self._mirror.shared())
        row = Publication.objects.get(name=names.ORIGIN)
        if server is None and row.names == shared and row.problems == told:
            return
        with transaction.atomic():
            if row.names != shared or row.problems != told:
                mark_changed(DEFAULT_DB_ALIAS, Part.CLIENT_KEYS)
            row = self._lease.locked()
            row.names, row.problems = shared, told
            if server is not None:
                row.server, row.read_at = server, timezone.now()
            row.save(update_fields=["names", "problems", "server", "read_at"])

    def _tell(self, problems: set[tuple[str, str]]) -> None:
        for place, message in sorted(problems - self._told)[:SHOWN_PROBLEMS]:
            log.warning("not taken over from redis", key=place, reason=message)
        self._told = problems


def lacking(url: str) -> str:
    """What the server's notifications lack, "" if nothing or if it does not say. Raises `redis.RedisError` and `OSError`."""
    client = redis.Redis.from_url(url, socket_connect_timeout=WAIT_S, socket_timeout=WAIT_S)
    try:
        flags = notifications(client)
    finally:
        client.close()
    return "" if flags is None else missing(flags)
