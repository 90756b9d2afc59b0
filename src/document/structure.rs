//! What OpenAPI 3.0 allows where, as one table.
//!
//! Only the kinds of object that an operation is made of. The table names every key of 3.0.3; what we never read
//! (`callbacks`, `links`, `xml`, …) may hold anything.

/// A kind of object of OpenAPI 3.0.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Kind {
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

/// What may stand under a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Text,
    Flag,
    /// A whole number of at least 0.
    Count,
    Number,
    Any,
    Word(&'static [&'static str]),
    Object(Kind),
    /// An object of the kind, or a reference to one.
    Reference(Kind),
    List(&'static Shape),
    Map(&'static Shape),
    /// A schema (or a reference to one), or true or false.
    SchemaOrFlag,
}

use Shape::{Any, Count, Flag, List, Map, Number, Object, Reference, SchemaOrFlag, Text, Word};

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "array", "object"];

impl Kind {
    /// The name of the kind, with an article, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Operation => "an operation",
            Kind::Parameter => "a parameter",
            Kind::Header => "a header",
            Kind::RequestBody => "a request body",
            Kind::Responses => "the responses",
            Kind::Response => "a response",
            Kind::MediaType => "a media type",
            Kind::Example => "an example",
            Kind::Schema => "a schema",
            Kind::Server => "a server",
        }
    }

    /// Keys without which we could not read the object.
    pub(super) fn required(self) -> &'static [&'static str] {
        match self {
            Kind::Operation => &["responses"],
            Kind::Parameter => &["name", "in"],
            Kind::RequestBody => &["content"],
            Kind::Server => &["url"],
            _ => &[],
        }
    }

    /// Every key of the object, apart from `x-` ones. [`Kind::Responses`] is not told by keys.
    pub(super) fn fields(self) -> &'static [(&'static str, Shape)] {
        match self {
            Kind::Operation => OPERATION,
            Kind::Parameter => PARAMETER,
            Kind::Header => HEADER,
            Kind::RequestBody => REQUEST_BODY,
            Kind::Responses => &[],
            Kind::Response => RESPONSE,
            Kind::MediaType => MEDIA_TYPE,
            Kind::Example => EXAMPLE,
            Kind::Schema => SCHEMA,
            Kind::Server => SERVER,
        }
    }

    /// Keys of later versions of the standard that say something about values, so that leaving them out would make us
    /// judge by half of what was written.
    pub(super) fn of_later_versions(self) -> &'static [&'static str] {
        match self {
            Kind::Schema => &[
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

    /// Keys that say something to people alone; a typing error in one of them costs nothing that we read.
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

    /// Keys that are not of 3.0, look like ones that are, and change nothing.
    pub(super) fn harmless(self) -> &'static [&'static str] {
        match self {
            Kind::Schema => &["examples", "id", "$id", "$comment", "$schema"],
            _ => &[],
        }
    }
}

const OPERATION: &[(&str, Shape)] = &[
    ("tags", List(&Text)),
    ("summary", Text),
    ("description", Text),
    ("externalDocs", Any),
    ("operationId", Text),
    ("parameters", List(&Reference(Kind::Parameter))),
    ("requestBody", Reference(Kind::RequestBody)),
    ("responses", Object(Kind::Responses)),
    ("callbacks", Any),
    ("deprecated", Flag),
    ("security", List(&Map(&List(&Text)))),
    ("servers", List(&Object(Kind::Server))),
];

const PARAMETER: &[(&str, Shape)] = &[
    ("name", Text),
    ("in", Word(&["path", "query", "header", "cookie"])),
    ("description", Text),
    ("required", Flag),
    ("deprecated", Flag),
    ("allowEmptyValue", Flag),
    ("style", Word(&["form", "simple", "label", "matrix", "spaceDelimited", "pipeDelimited", "deepObject"])),
    ("explode", Flag),
    ("allowReserved", Flag),
    ("schema", Reference(Kind::Schema)),
    ("example", Any),
    ("examples", Map(&Reference(Kind::Example))),
    ("content", Map(&Object(Kind::MediaType))),
];

const HEADER: &[(&str, Shape)] = &[
    ("description", Text),
    ("required", Flag),
    ("deprecated", Flag),
    ("allowEmptyValue", Flag),
    ("style", Word(&["simple"])),
    ("explode", Flag),
    ("allowReserved", Flag),
    ("schema", Reference(Kind::Schema)),
    ("example", Any),
    ("examples", Map(&Reference(Kind::Example))),
    ("content", Map(&Object(Kind::MediaType))),
];

const REQUEST_BODY: &[(&str, Shape)] =
    &[("description", Text), ("content", Map(&Object(Kind::MediaType))), ("required", Flag)];

const RESPONSE: &[(&str, Shape)] = &[
    ("description", Text),
    ("headers", Map(&Reference(Kind::Header))),
    ("content", Map(&Object(Kind::MediaType))),
    ("links", Any),
];

const MEDIA_TYPE: &[(&str, Shape)] = &[
    ("schema", Reference(Kind::Schema)),
    ("example", Any),
    ("examples", Map(&Reference(Kind::Example))),
    ("encoding", Any),
];

const EXAMPLE: &[(&str, Shape)] = &[("summary", Text), ("description", Text), ("value", Any), ("externalValue", Text)];

const SERVER: &[(&str, Shape)] = &[("url", Text), ("description", Text), ("variables", Map(&Any))];

const SCHEMA: &[(&str, Shape)] = &[
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
    ("allOf", List(&Reference(Kind::Schema))),
    ("oneOf", List(&Reference(Kind::Schema))),
    ("anyOf", List(&Reference(Kind::Schema))),
    ("not", Reference(Kind::Schema)),
    ("items", Reference(Kind::Schema)),
    ("properties", Map(&Reference(Kind::Schema))),
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
