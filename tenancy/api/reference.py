"""The description of the API as people read it: what the OpenAPI schema says, in the order of a page.

Our own page and not Swagger UI: that one weighs 1.5 MB, has low contrast and nests landmarks, and needs JavaScript.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

PLACES = {"path": "アドレス", "query": "クエリ", "header": "ヘッダー"}
TYPES = {
    "string": "文字列",
    "integer": "整数",
    "number": "数",
    "boolean": "true・false",
    "array": "配列",
    "object": "オブジェクト",
}
FORMATS = {"date-time": "日時", "uuid": "UUID", "uri": "URL", "binary": "ファイル"}


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of something sent or answered. `shape`: the anchor of the shape it has, or ''."""

    name: str
    kind: str
    place: str = ""
    required: bool = False
    text: str = ""
    choices: tuple[str, ...] = ()
    shape: str = ""


@dataclass(frozen=True)
class Answer:
    """A status and what comes with it."""

    status: str
    text: str
    kind: str = ""
    shape: str = ""


@dataclass(frozen=True)
class DoorText:
    """One method of one address."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    is_open: bool
    parameters: tuple[Field, ...]
    body: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Group:
    """The doors about one thing."""

    id: str
    name: str
    doors: tuple[DoorText, ...]


@dataclass(frozen=True)
class Shape:
    """What is sent or answered, by name."""

    name: str
    fields: tuple[Field, ...]


def groups(schema: Schema) -> tuple[Group, ...]:
    """All doors, by their first tag, in the order of the schema."""
    found: dict[str, list[DoorText]] = {}
    for path, methods in schema["paths"].items():
        for method, door in methods.items():
            found.setdefault(door["tags"][0], []).append(_door(path, method, door))
    return tuple(Group(f"group-{n}", name, tuple(doors)) for n, (name, doors) in enumerate(found.items(), 1))


def shapes(schema: Schema) -> tuple[Shape, ...]:
    """Everything with fields that a door names, alphabetically; lists of choices stand at their fields."""
    return tuple(
        Shape(name, tuple(_fields(each, schema["components"]["schemas"])))
        for name, each in sorted(schema["components"]["schemas"].items())
        if "properties" in each
    )


def _door(path: str, method: str, door: Schema) -> DoorText:
    sent = door.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return DoorText(
        id=door["operationId"],
        method=method.upper(),
        path=path,
        summary=door.get("summary", ""),
        text=door.get("description", "").replace("`", ""),
        is_open={} in door.get("security", []),
        parameters=tuple(_parameter(each) for each in door.get("parameters", [])),
        body=_shape(sent),
        answers=tuple(_answer(status, each) for status, each in door["responses"].items()),
    )


def _parameter(parameter: Schema) -> Field:
    schema = parameter["schema"]
    return Field(
        name=parameter["name"],
        kind=_kind(schema),
        place=PLACES[parameter["in"]],
        required=parameter.get("required", False),
        text=_without_choices(parameter.get("description", "")),
        choices=_choices(schema),
    )


def _answer(status: str, answer: Schema) -> Answer:
    contents: list[Schema] = list(answer.get("content", {}).values())
    content = contents[0].get("schema", {}) if contents else {}
    return Answer(status, answer.get("description", ""), _kind(content) if content else "", _shape(content))


def _fields(schema: Schema, known: Schema) -> Iterator[Field]:
    for name, each in schema["properties"].items():
        chosen = _target(each, known)
        yield Field(
            name=name,
            kind=_kind(chosen if "enum" in chosen else each),
            required=name in schema.get("required", ()) and not each.get("readOnly", False),
            text=_without_choices(each.get("description", "")),
            choices=_choices(chosen),
            shape=_shape(each) if "enum" not in chosen else "",
        )


def _target(schema: Schema, known: Schema) -> Schema:
    found: Schema = known.get(_shape(schema), schema)
    return found


def _shape(schema: Schema) -> str:
    """The name of the shape that is referred to, directly or as an array's items or one of several."""
    parts = [schema, schema.get("items", {}), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    return next((str(part["$ref"]).rsplit("/", 1)[-1] for part in parts if "$ref" in part), "")


def _kind(schema: Schema) -> str:
    given = schema.get("type", [])
    names = [given] if isinstance(given, str) else list(given)
    kinds = [FORMATS.get(schema.get("format", ""), TYPES[name]) for name in names if name != "null"]
    return "または".join(kinds) + ("・空(null)" if "null" in names else "")


def _choices(schema: Schema) -> tuple[str, ...]:
    return tuple(str(each) for each in schema.get("enum", ()))


def _without_choices(text: str) -> str:
    """The generator adds a list of the choices to a description; they are shown on their own. No Markdown either."""
    words, _, _ = f"\n\n{text}".partition("\n\n* ")
    return words.strip().replace("`", "")
