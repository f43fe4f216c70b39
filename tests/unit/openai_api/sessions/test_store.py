"""Does one process find sessions again, in the right order and within bounds?"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from openai_api.sessions.store import MOST_ALIKE, MOST_PATHS, Found, Lookup, Memory


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Named(Memory):
    """Whose sessions are told by the names that the test gives them, "?" for one that it did not expect."""

    def __init__(self, most: int = 10_000, idle_s: float = 3600.0, clock: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__(most, idle_s, clock)
        self.ids: dict[str, str] = {}

    def say(self, whole: str, *paths: str, fresh: str = "?", session: str = "", previous: str = "", owner: str = "k") -> Found:
        found = self.find(Lookup(owner, session, previous, tuple(path.encode() for path in paths), whole.encode()))
        if found.new and not session:
            self.ids[fresh] = found.session
        return replace(found, session=self.name_of(found.session))

    def name_of(self, session: str) -> str:
        return next((name for name, known in self.ids.items() if known == session), session)


def say(memory: Named, whole: str, *paths: str, **more: str) -> Found:
    return memory.say(whole, *paths, **more)


def test_conversations_when_they_begin_alike_then_the_oldest_that_waits_goes_on() -> None:
    memory = Named()
    for name in ("first", "second"):
        assert say(memory, "a", fresh=name) == Found(name, new=True, path=-1)
    assert [say(memory, f"ab{number}", "a").session for number in range(3)] == ["first", "second", "second"]


def test_beginning_when_the_longest_is_not_known_then_a_shorter_one_is() -> None:
    memory = Named()
    say(memory, "a", fresh="one")
    assert say(memory, "abcd", "abc", "a") == Found("one", new=False, path=1)
    assert say(memory, "x", "y", fresh="two") == Found("two", new=True, path=-1)


def test_request_when_it_names_a_session_then_it_is_new_once() -> None:
    memory = Named()
    assert say(memory, "s:a", session="s") == Found("s", new=True, path=-1)
    assert say(memory, "s:ab", "s:a", session="s") == Found("s", new=False, path=0)
    assert say(memory, "", session="s") == Found("s", new=False, path=-1)
    assert say(memory, "", session="s", owner="another") == Found("s", new=True, path=-1)


def test_response_when_it_is_gone_on_from_then_its_session_is_found_by_its_own_key_alone() -> None:
    memory = Named()
    say(memory, "a", fresh="one")
    memory.answered("k", memory.ids["one"], "resp_1")
    assert say(memory, "b", previous="resp_1") == Found("one", new=False, path=-1)
    assert say(memory, "c", previous="resp_1", owner="another", fresh="two").session == "two"
    assert say(memory, "d", previous="resp_2", fresh="three").session == "three"


def test_session_when_it_was_idle_for_too_long_then_it_is_forgotten() -> None:
    clock = Clock()
    memory = Named(idle_s=10, clock=clock)
    say(memory, "a", fresh="one")
    memory.answered("k", memory.ids["one"], "resp_1")
    clock.now = 10
    assert say(memory, "ab", "a") == Found("one", new=False, path=0)
    clock.now = 20.5
    assert say(memory, "abc", "ab", fresh="two") == Found("two", new=True, path=-1)
    assert say(memory, "x", previous="resp_1", fresh="three").session == "three"
    assert len(memory) == 2


def test_sessions_when_there_are_too_many_then_those_used_the_longest_ago_go_with_all_that_was_kept() -> None:
    memory = Named(most=3)
    for number in range(10):
        say(memory, f"a{number}", fresh=str(number))
        memory.answered("k", memory.ids[str(number)], f"resp_{number}")
        say(memory, "a0b", "a0")
    assert len(memory) == 3
    assert {memory.name_of(one.id) for alike in memory._at.values() for one in alike} == {"0", "8", "9"}
    assert len(memory._responses) == 3


def test_session_when_it_is_long_then_only_its_last_beginnings_are_kept() -> None:
    memory = Named()
    for number in range(100):
        say(memory, str(number), str(number - 1), fresh="one")
    assert len(memory) == 1
    assert len(memory._at) == MOST_PATHS
    assert say(memory, "again", "99").session == "one"
    assert say(memory, "again", "9", fresh="two").session == "two"


def test_sessions_when_very_many_begin_alike_then_the_last_are_kept() -> None:
    memory = Named()
    for number in range(3 * MOST_ALIKE):
        say(memory, "a", fresh=str(number))
    assert len(memory._at[b"a"]) == MOST_ALIKE
    assert say(memory, "ab", "a").session == str(2 * MOST_ALIKE)


def test_request_when_it_is_sent_twice_then_its_session_stands_there_once() -> None:
    memory = Named()
    say(memory, "a", fresh="one")
    say(memory, "a", "a")
    assert [one.id for one in memory._at[b"a"]] == [memory.ids["one"]]


def test_session_when_it_was_found_elsewhere_then_it_is_found_here_as_well() -> None:
    memory = Named()
    memory.note(Lookup("k", whole=b"a"), Found("one", new=True, path=-1))
    assert say(memory, "ab", "a") == Found("one", new=False, path=0)
