"""Compares two JSON Schemas of what geofix writes: which changes would break a client.

A client reads what it knows and ignores the rest. So a field may be added, and nothing may be
removed, renamed or retyped. A new field must not be required, because documents from before do not
have it. A value may be added to a list that says that others can come (`anyOf` with any text), and
to no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern", "format")


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return what a client of `old` can no longer rely on in documents of `new`, a line each."""
    return list(_changed(_Side(old, old), _Side(new, new), "$"))


class _Side:
    """A part of one of the two schemas."""

    def __init__(self, part: Schema, whole: Schema) -> None:
        self.whole = whole
        self.kinds: dict[str, list[Schema]] = {}
        for one in self._alternatives(part):
            kind = one.get("type") or ("string" if _values(one) else "anything")
            self.kinds.setdefault(kind, []).append(one)

    def _alternatives(self, part: Schema) -> Iterator[Schema]:
        if "$ref" in part:
            yield from self._alternatives(self.whole["$defs"][part["$ref"].rpartition("/")[2]])
        elif "anyOf" in part:
            for one in part["anyOf"]:
                yield from self._alternatives(one)
        else:
            yield part

    def values(self, kind: str) -> set[Any]:
        """Return the values that are named."""
        return {value for one in self.kinds[kind] for value in _values(one)}

    def is_open(self, kind: str) -> bool:
        """Return whether there can be values that are not named."""
        return any(not _values(one) for one in self.kinds[kind])

    def fields(self) -> Schema:
        return {name: value for one in self.kinds["object"] for name, value in _fields(one).items()}

    def required(self) -> set[str]:
        return {name for one in self.kinds["object"] for name in one.get("required", ())}

    def limits(self, kind: str) -> list[Schema]:
        return [{name: one[name] for name in LIMITS if name in one} for one in self.kinds[kind]]

    def part(self, part: Schema) -> _Side:
        return _Side(part, self.whole)


def _values(one: Schema) -> list[Any]:
    return [one["const"]] if "const" in one else one.get("enum", [])


def _fields(one: Schema) -> Schema:
    return dict(one.get("properties", {}))


def _changed(old: _Side, new: _Side, where: str) -> Iterator[str]:
    if old.kinds.keys() != new.kinds.keys():
        yield f"{where} was {_named(old)} and is {_named(new)}"
        return
    for kind in old.kinds:
        for value in sorted(map(repr, old.values(kind) - new.values(kind))):
            yield f"{where} can no longer be {value}"
        if not old.is_open(kind):
            for value in sorted(map(repr, new.values(kind) - old.values(kind))):
                yield f"{where} can be {value}, which no client knows"
            if new.is_open(kind):
                yield f"{where} was one of a list and can be anything"
        if old.limits(kind) != new.limits(kind):
            yield f"{where} had the limits {old.limits(kind)} and has {new.limits(kind)}"
        if kind == "object":
            yield from _fields_changed(old, new, where)
        if kind == "array":
            before, now = (side.kinds["array"][0]["items"] for side in (old, new))
            yield from _changed(old.part(before), new.part(now), f"{where}[]")


def _fields_changed(old: _Side, new: _Side, where: str) -> Iterator[str]:
    before, now = old.fields(), new.fields()
    for name in before:
        if name not in now:
            yield f"{where}.{name} was removed"
        else:
            yield from _changed(old.part(before[name]), new.part(now[name]), f"{where}.{name}")
    for name in sorted(old.required() & now.keys() - new.required()):
        yield f"{where}.{name} was always there and can be missing"
    for name in sorted(new.required() - before.keys()):
        yield f"{where}.{name} is new and required, so that documents from before are refused"


def _named(side: _Side) -> str:
    return " or ".join(sorted(side.kinds))
