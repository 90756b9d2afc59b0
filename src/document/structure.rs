//! The table of what OpenAPI 3.0 allows in the objects of an operation.
//!
//! The table has every key of 3.0.3; keys that are never read (`callbacks`, `links`, `xml`, …) may have any value.

/// A kind of object of OpenAPI 3.0.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum ObjectKind {
    Operation,
    Parameter,
    Header,
    RequestBody,
    Responses,
    Response,
    MediaType,
    Example,
    Schema,
    Server,
}

/// The type of the value of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValueShape {
    Text,
    Flag,
    /// A whole number of at least 0.
    Count,
    Number,
    Any,
    Word(&'static [&'static str]),
    Object(ObjectKind),
    /// An object of the kind, or a reference to one.
    Reference(ObjectKind),
    List(&'static ValueShape),
    Map(&'static ValueShape),
    /// A schema (or a reference to one), or true or false.
    SchemaOrFlag,
}

use ValueShape::{Any, Count, Flag, List, Map, Number, Object, Reference, SchemaOrFlag, Text, Word};

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "array", "object"];

impl ObjectKind {
    /// The name of the kind, with an article, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            ObjectKind::Operation => "an operation",
            ObjectKind::Parameter => "a parameter",
            ObjectKind::Header => "a header",
            ObjectKind::RequestBody => "a request body",
            ObjectKind::Responses => "the responses",
            ObjectKind::Response => "a response",
            ObjectKind::MediaType => "a media type",
            ObjectKind::Example => "an example",
            ObjectKind::Schema => "a schema",
            ObjectKind::Server => "a server",
        }
    }

    /// Keys that are needed to read the object.
    pub(super) fn required(self) -> &'static [&'static str] {
        match self {
            ObjectKind::Operation => &["responses"],
            ObjectKind::Parameter => &["name", "in"],
            ObjectKind::RequestBody => &["content"],
            ObjectKind::Server => &["url"],
            _ => &[],
        }
    }

    /// Every key of the object, except `x-` ones. [`ObjectKind::Responses`] has no fixed keys.
    pub(super) fn fields(self) -> &'static [(&'static str, ValueShape)] {
        match self {
            ObjectKind::Operation => OPERATION,
            ObjectKind::Parameter => PARAMETER,
            ObjectKind::Header => HEADER,
            ObjectKind::RequestBody => REQUEST_BODY,
            ObjectKind::Responses => &[],
            ObjectKind::Response => RESPONSE,
            ObjectKind::MediaType => MEDIA_TYPE,
            ObjectKind::Example => EXAMPLE,
            ObjectKind::Schema => SCHEMA,
            ObjectKind::Server => SERVER,
        }
    }

    /// Keys of later versions of the standard that constrain values, so that ignoring them would change the meaning.
    pub(super) fn of_later_versions(self) -> &'static [&'static str] {
        match self {
            ObjectKind::Schema => &[
                "$defs",
                "$dynamicRef",
                "const",
                "contains",
                "dependentRequired",
                "dependentSchemas",
                "else",
                "if",
                "maxContains",
                "minContains",
                "patternProperties",
                "prefixItems",
                "propertyNames",
                "then",
                "unevaluatedItems",
                "unevaluatedProperties",
            ],
            _ => &[],
        }
    }

    /// Keys for human readers only; a typing error in one of them is harmless.
    pub(super) fn annotations() -> &'static [&'static str] {
        &[
            "description",
            "summary",
            "title",
            "externalDocs",
            "deprecated",
            "example",
            "examples",
            "xml",
            "callbacks",
            "links",
        ]
    }

    /// Keys that are not part of 3.0, are similar to ones that are, and are harmless.
    pub(super) fn harmless(self) -> &'static [&'static str] {
        match self {
            ObjectKind::Schema => &["examples", "id", "$id", "$comment", "$schema"],
            _ => &[],
        }
    }
}

const OPERATION: &[(&str, ValueShape)] = &[
    ("tags", List(&Text)),
    ("summary", Text),
    ("description", Text),
    ("externalDocs", Any),
    ("operationId", Text),
    ("parameters", List(&Reference(ObjectKind::Parameter))),
    ("requestBody", Reference(ObjectKind::RequestBody)),
    ("responses", Object(ObjectKind::Responses)),
    ("callbacks", Any),
    ("deprecated", Flag),
    ("security", List(&Map(&List(&Text)))),
    ("servers", List(&Object(ObjectKind::Server))),
];

const PARAMETER: &[(&str, ValueShape)] = &[
    ("name", Text),
    ("in", Word(&["path", "query", "header", "cookie"])),
    ("description", Text),
    ("required", Flag),
    ("deprecated", Flag),
    ("allowEmptyValue", Flag),
    ("style", Word(&["form", "simple", "label", "matrix", "spaceDelimited", "pipeDelimited", "deepObject"])),
    ("explode", Flag),
    ("allowReserved", Flag),
    ("schema", Reference(ObjectKind::Schema)),
    ("example", Any),
    ("examples", Map(&Reference(ObjectKind::Example))),
    ("content", Map(&Object(ObjectKind::MediaType))),
];

const HEADER: &[(&str, ValueShape)] = &[
    ("description", Text),
    ("required", Flag),
    ("deprecated", Flag),
    ("allowEmptyValue", Flag),
    ("style", Word(&["simple"])),
    ("explode", Flag),
    ("allowReserved", Flag),
    ("schema", Reference(ObjectKind::Schema)),
    ("example", Any),
    ("examples", Map(&Reference(ObjectKind::Example))),
    ("content", Map(&Object(ObjectKind::MediaType))),
];

const REQUEST_BODY: &[(&str, ValueShape)] =
    &[("description", Text), ("content", Map(&Object(ObjectKind::MediaType))), ("required", Flag)];

const RESPONSE: &[(&str, ValueShape)] = &[
    ("description", Text),
    ("headers", Map(&Reference(ObjectKind::Header))),
    ("content", Map(&Object(ObjectKind::MediaType))),
    ("links", Any),
];

const MEDIA_TYPE: &[(&str, ValueShape)] = &[
    ("schema", Reference(ObjectKind::Schema)),
    ("example", Any),
    ("examples", Map(&Reference(ObjectKind::Example))),
    ("encoding", Any),
];

const EXAMPLE: &[(&str, ValueShape)] =
    &[("summary", Text), ("description", Text), ("value", Any), ("externalValue", Text)];

const SERVER: &[(&str, ValueShape)] = &[("url", Text), ("description", Text), ("variables", Map(&Any))];

const SCHEMA: &[(&str, ValueShape)] = &[
    ("title", Text),
    ("multipleOf", Number),
    ("maximum", Number),
    ("exclusiveMaximum", Flag),
    ("minimum", Number),
    ("exclusiveMinimum", Flag),
    ("maxLength", Count),
    ("minLength", Count),
    ("pattern", Text),
    ("maxItems", Count),
    ("minItems", Count),
    ("uniqueItems", Flag),
    ("maxProperties", Count),
    ("minProperties", Count),
    ("required", List(&Text)),
    ("enum", List(&Any)),
    ("type", Word(TYPES)),
    ("allOf", List(&Reference(ObjectKind::Schema))),
    ("oneOf", List(&Reference(ObjectKind::Schema))),
    ("anyOf", List(&Reference(ObjectKind::Schema))),
    ("not", Reference(ObjectKind::Schema)),
    ("items", Reference(ObjectKind::Schema)),
    ("properties", Map(&Reference(ObjectKind::Schema))),
    ("additionalProperties", SchemaOrFlag),
    ("description", Text),
    ("format", Text),
    ("default", Any),
    ("nullable", Flag),
    ("discriminator", Any),
    ("readOnly", Flag),
    ("writeOnly", Flag),
    ("xml", Any),
    ("externalDocs", Any),
    ("example", Any),
    ("deprecated", Flag),
];
