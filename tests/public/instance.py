"""Small values of schemas of OpenAPI 3.0, as a server's responses hold them."""
import json
import re
import re._parser as parser

TEXTS = {"date-time": "2020-01-02T03:04:05Z", "date": "2020-01-02", "time": "03:04:05Z", "email": "a@example.com",
         "uri": "https://example.com/", "url": "https://example.com/", "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
         "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "hostname": "example.com", "byte": "YQ==", "uri-reference": "/a"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
MAX_DEPTH = 24


class Unknown(Exception):
    """No value of a schema is known."""


class Generator:
    def __init__(self, document):
        self.document = document

    def resolved(self, written):
        for _ in range(20):
            if not isinstance(written, dict) or not isinstance(written.get("$ref"), str):
                return written
            target = self.document
            for part in written["$ref"].removeprefix("#/").split("/"):
                part = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
                target = target[int(part) if isinstance(target, list) else part]
            written = target
        raise Unknown

    def value(self, schema):
        """A value of the schema: one that it has few members, or the first of its examples."""
        for value in self.candidates(schema, 0):
            if self.valid(schema, value):
                return value
        raise Unknown

    def candidates(self, schema, depth):
        """Values that the schema may have."""
        if depth > MAX_DEPTH:
            return
        schema = self.resolved(schema)
        if "enum" in schema:
            yield from schema["enum"]
            return
        yield from [schema[key] for key in ("example", "default") if key in schema]
        branches = [branch for key in ("oneOf", "anyOf") for branch in [schema.get(key)] if branch]
        if "allOf" in schema:
            yield from self.candidates(self.merged(schema), depth + 1)
        for branch in branches[0] if branches else ():
            beside = {key: value for key, value in schema.items() if key not in ("oneOf", "anyOf")}
            yield from self.candidates(self.merged({"allOf": [branch, beside]}), depth + 1)
        kind = schema.get("type") or ("object" if "properties" in schema else "array" if "items" in schema else None)
        if not branches and "allOf" not in schema:
            yield from getattr(self, kind or "anything")(schema, depth)
        if schema.get("nullable"):
            yield None

    def merged(self, schema):
        """The schema with its allOf in it."""
        result = {key: value for key, value in schema.items() if key != "allOf"}
        result["properties"] = dict(result.get("properties", {}))
        result["required"] = list(result.get("required", []))
        for part in schema["allOf"]:
            part = self.resolved(part)
            part = self.merged(part) if "allOf" in part else part
            for key, value in part.items():
                if key == "properties":
                    for name, inner in value.items():
                        known = result["properties"].get(name)
                        result["properties"][name] = {"allOf": [known, inner]} if known not in (None, inner) else inner
                elif key == "required":
                    result["required"] += value
                else:
                    result.setdefault(key, value)
        return result

    def first(self, schema, depth):
        for value in self.candidates(schema, depth):
            if self.valid(schema, value):
                return value
        raise Unknown

    def object(self, schema, depth):
        properties = schema.get("properties", {})
        known = {name: inner for name, inner in properties.items() if not self.resolved(inner).get("writeOnly")}
        for names in (set(schema.get("required", [])), set(properties)):
            value = {}
            try:
                for name in names:
                    if name in known or name not in properties:
                        value[name] = self.first(properties.get(name, {}), depth + 1)
            except Unknown:
                continue
            for number in range(len(value), schema.get("minProperties", 0)):
                value[f"p{number}"] = "a"
            yield value
        # One optional property: what tells alternatives apart.
        for name in known if depth < 3 else ():
            try:
                yield value | {name: self.first(known[name], depth + 1)}
            except Unknown:
                continue

    def array(self, schema, depth):
        if not schema.get("minItems"):
            yield []
        try:
            item = self.first(schema.get("items", {}), depth + 1)
        except Unknown:
            return
        yield [item] * max(1, schema.get("minItems", 1))

    def string(self, schema, _):
        short = schema.get("minLength", 0)
        texts = [TEXTS.get(schema.get("format"), "a" * max(short, 1)), "1" * max(short, 1)]
        if "pattern" in schema:
            try:
                texts.append(from_pattern(schema["pattern"], 0))
                texts.append(from_pattern(schema["pattern"], short))
            except (re.error, Unknown):
                pass
        yield from texts

    def integer(self, schema, _):
        low, high = schema.get("minimum"), schema.get("maximum")
        yield from [0, 1, *(int(number + step) for number in (low, high) if number is not None for step in (0, 1, -1))]
        yield schema.get("multipleOf", 1)

    number = integer

    def boolean(self, *_):
        yield True

    def anything(self, *_):
        yield from [{}, "a", 1, True, []]

    def valid(self, schema, value):
        """Whether a value is valid, as far as a server must know it."""
        schema = self.resolved(schema)
        if value is None and schema.get("nullable"):
            return True
        if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
            return False
        kind = schema.get("type")
        if kind and (not isinstance(value, TYPES[kind]) or isinstance(value, bool) and kind != "boolean"):
            return False
        if any(not self.valid(part, value) for part in schema.get("allOf", ())):
            return False
        if "anyOf" in schema and not any(self.valid(part, value) for part in schema["anyOf"]):
            return False
        if "oneOf" in schema and sum(self.valid(part, value) for part in schema["oneOf"]) != 1:
            return False
        if "not" in schema and self.valid(schema["not"], value):
            return False
        if isinstance(value, dict):
            return self.valid_object(schema, value)
        if isinstance(value, list):
            return schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)) \
                and all(self.valid(schema.get("items", {}), item) for item in value) \
                and not (schema.get("uniqueItems") and len(value) > 1)
        if isinstance(value, str):
            return self.valid_text(schema, value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low, high = schema.get("minimum", value), schema.get("maximum", value)
            above = value > low if schema.get("exclusiveMinimum") and "minimum" in schema else value >= low
            below = value < high if schema.get("exclusiveMaximum") and "maximum" in schema else value <= high
            return above and below and value % schema.get("multipleOf", value or 1) == 0
        return True

    def valid_object(self, schema, value):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        needed = [name for name in schema.get("required", []) if not self.resolved(properties.get(name, {})).get("writeOnly")]
        if any(name not in value for name in needed):
            return False
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
            return False
        return all(self.valid(properties[name], inner) if name in properties
                   else more is not False and (more is True or self.valid(more, inner)) for name, inner in value.items())

    def valid_text(self, schema, value):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return False
        if schema.get("format") in TEXTS and value != TEXTS[schema["format"]]:
            return False
        try:
            return re.search(schema.get("pattern", ""), value) is not None
        except re.error:
            return True


def same(one, other):
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def from_pattern(pattern, length):
    """A text that matches a pattern, with each repetition at least `length` times where it may be."""
    def text(parsed):
        return "".join(part(str(kind), value) for kind, value in parsed)

    def part(kind, value):
        if kind == "LITERAL":
            return chr(value)
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, inner = value
            return text(inner) * min(max(low, length, 0), int(high))
        if kind == "SUBPATTERN":
            return text(value[3])
        if kind == "BRANCH":
            return text(value[1][0])
        if kind == "AT" or kind.startswith("ASSERT"):
            return ""
        if kind == "IN" and str(value[0][0]) != "NEGATE":
            first = value[0][1]
            return {"CATEGORY": lambda: category(str(first)), "LITERAL": lambda: chr(first),
                    "RANGE": lambda: chr(first[0])}[str(value[0][0])]()
        if kind in ("ANY", "NOT_LITERAL", "IN"):
            return "a"
        raise Unknown

    def category(name):
        return " " if name.endswith("_SPACE") and "NOT" not in name else "1" if name.endswith("DIGIT") else "a"
    return text(parser.parse(pattern))
