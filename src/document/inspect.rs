//! Checks operations, with everything that they refer to, against the table of what OpenAPI 3.0 allows.

use super::{
    Document, DocumentError, ErrorKind, Lint, RefError, nearest, pointer, resolve,
    structure::{ObjectKind, ValueShape},
};
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};

/// The maximum number of references in a chain from an operation.
const MAX_REFERENCES: usize = 200;

/// What was found in operations and in everything that they refer to.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Violations of OpenAPI 3.0 that would change the meaning of the operation, in the order of inspection.
    pub errors: Vec<DocumentError>,
    /// Harmless violations.
    pub lints: Vec<Lint>,
    /// Every schema, including nested ones, each once.
    pub schemas: Vec<SchemaPlace>,
    /// Examples of a media type, parameter or header: pointer of the value, pointer of the schema.
    pub examples: Vec<(String, String)>,
}

/// The place of a schema.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SchemaPlace {
    /// JSON pointer of the schema, which is not a reference.
    pub pointer: String,
    /// Whether it is not part of another schema.
    pub outermost: bool,
}

/// Inspects operations. What several of them refer to is inspected once.
#[derive(Debug)]
pub struct Inspector<'a> {
    document: &'a Document,
    parts: Vec<InspectedPart>,
    known: HashMap<(ObjectKind, String), usize>,
    /// Targets of references that are not inspected yet.
    pending: VecDeque<(usize, ObjectKind, String)>,
    found: InspectedPart,
    in_schema: bool,
}

/// What was found in an operation, or in the target of a reference.
#[derive(Debug, Default)]
struct InspectedPart {
    own: Inspection,
    /// The references, each with the part that it leads to.
    references: Vec<(usize, String)>,
}

/// An operation that was inspected.
#[derive(Clone, Copy, Debug)]
pub struct InspectedOperation(usize);

impl<'a> Inspector<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        let (parts, known, pending) = (Vec::new(), HashMap::new(), VecDeque::new());
        Self { document, parts, known, pending, found: InspectedPart::default(), in_schema: false }
    }

    /// Inspects the operation at `operation`, the parameters of its path item at `item`, and all that they refer to.
    pub fn operation(&mut self, item: &str, operation: &str) -> InspectedOperation {
        if let Some(value) = self.document.value().pointer(operation) {
            self.shape(ValueShape::Object(ObjectKind::Operation), value, operation);
        }
        for (key, shape) in [
            ("parameters", ValueShape::List(&ValueShape::Reference(ObjectKind::Parameter))),
            ("servers", ValueShape::List(&ValueShape::Object(ObjectKind::Server))),
        ] {
            let place = pointer::join(item, key);
            if let Some(value) = self.document.value().pointer(&place) {
                self.shape(shape, value, &place);
            }
        }
        let part = std::mem::take(&mut self.found);
        let inspected = InspectedOperation(self.add(part));
        while let Some((index, kind, place)) = self.pending.pop_front() {
            self.in_schema = false;
            if let Some(value) = self.document.value().pointer(&place) {
                self.shape(ValueShape::Object(kind), value, &place);
            }
            self.parts[index] = std::mem::take(&mut self.found);
        }
        inspected
    }

    /// The errors of an operation and of all that it refers to, the nearest first.
    pub fn errors(&self, operation: InspectedOperation) -> Vec<DocumentError> {
        let (reached, too_deep) = self.reached(&[operation]);
        let errors = reached.iter().flat_map(|part| &self.parts[*part].own.errors).cloned();
        let too_deep = too_deep.into_iter().map(|at| {
            let kind = ErrorKind::TooDeep { limit: MAX_REFERENCES };
            self.document.error_in_value(kind, &pointer::join(at, "$ref"), None)
        });
        errors.chain(too_deep).collect()
    }

    /// What was found in the operations and in all that they refer to, each place once.
    pub fn found(&self, operations: &[InspectedOperation]) -> Inspection {
        let mut all = Inspection::default();
        for part in self.reached(operations).0 {
            let Inspection { errors, lints, schemas, examples } = &self.parts[part].own;
            all.errors.extend(errors.iter().cloned());
            all.lints.extend(lints.iter().cloned());
            all.schemas.extend(schemas.iter().cloned());
            all.examples.extend(examples.iter().cloned());
        }
        all
    }

    /// The parts that some operations lead to, the nearest first, and references that are too far away.
    fn reached(&self, operations: &[InspectedOperation]) -> (Vec<usize>, Vec<&str>) {
        let mut distances = vec![usize::MAX; self.parts.len()];
        let mut reached: Vec<usize> = operations.iter().map(|operation| operation.0).collect();
        for part in &reached {
            distances[*part] = 0;
        }
        let mut too_deep = Vec::new();
        let mut next = 0;
        while let Some(part) = reached.get(next).copied() {
            next += 1;
            for (target, at) in &self.parts[part].references {
                if distances[part] >= MAX_REFERENCES {
                    too_deep.push(at.as_str());
                } else if distances[*target] == usize::MAX {
                    distances[*target] = distances[part] + 1;
                    reached.push(*target);
                }
            }
        }
        (reached, too_deep)
    }

    fn add(&mut self, part: InspectedPart) -> usize {
        self.parts.push(part);
        self.parts.len() - 1
    }
}

impl Inspector<'_> {
    fn shape(&mut self, shape: ValueShape, value: &Value, at: &str) {
        match (shape, value) {
            (ValueShape::Any, _)
            | (ValueShape::Text, Value::String(_))
            | (ValueShape::Flag | ValueShape::SchemaOrFlag, Value::Bool(_))
            | (ValueShape::Number, Value::Number(_)) => {}
            (ValueShape::Count, Value::Number(number)) if is_count(number) => {}
            (ValueShape::Word(words), Value::String(word)) => {
                if !words.contains(&word.as_str()) {
                    let hint = nearest(word, words.iter().copied()).map_or_else(
                        || format!("use one of {}", words.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let key = pointer::last(at);
                    let message = format!("`{key}` cannot be `{}`", clip(word));
                    self.fail_in_value(ErrorKind::Structure { message }, at, Some(hint));
                }
            }
            (ValueShape::Reference(kind) | ValueShape::Object(kind), Value::Object(map)) => {
                let may_refer = matches!(shape, ValueShape::Reference(_));
                match map.get("$ref") {
                    Some(Value::String(reference)) if may_refer => {
                        self.reference(kind, reference, at);
                        if map.keys().any(|key| !matches!(key.as_str(), "$ref" | "summary" | "description")) {
                            self.lint("document.beside-reference", at, beside_reference(map));
                        }
                    }
                    Some(other) if may_refer => {
                        let message = format!("`$ref` must be text, not {}", described(other));
                        self.fail_in_value(ErrorKind::Structure { message }, &pointer::join(at, "$ref"), None);
                    }
                    _ => self.object(kind, map, at),
                }
            }
            (ValueShape::SchemaOrFlag, Value::Object(_)) => {
                self.shape(ValueShape::Reference(ObjectKind::Schema), value, at);
            }
            (ValueShape::List(item), Value::Array(items)) => {
                for (index, value) in items.iter().enumerate() {
                    self.shape(*item, value, &pointer::join(at, &index.to_string()));
                }
            }
            (ValueShape::Map(member), Value::Object(map)) => {
                for (key, value) in map {
                    self.shape(*member, value, &pointer::join(at, key));
                }
            }
            _ => self.mismatch(shape, value, at),
        }
    }

    /// Whether a value of the wrong type changes nothing for a server: a text for readers, a tag, or an empty list or
    /// mapping that is written as null. It becomes a lint.
    fn is_harmless(&mut self, shape: ValueShape, key: &str, value: &Value, at: &str) -> bool {
        let is_text = |value: &Value| value.is_string();
        let is_annotation = key == "tags" || ObjectKind::annotations().contains(&key);
        let message = match (shape, value) {
            (ValueShape::List(_) | ValueShape::Map(_), Value::Null) => format!("`{key}` is empty; it is ignored"),
            (ValueShape::Text, value) if is_annotation && !is_text(value) => {
                format!("`{key}` must be text, not {}; it is ignored", described(value))
            }
            (ValueShape::Flag, value) if is_annotation && !value.is_boolean() => {
                format!("`{key}` must be true or false, not {}; it is ignored", described(value))
            }
            (ValueShape::List(ValueShape::Text), Value::Array(items))
                if is_annotation && !items.iter().all(is_text) =>
            {
                format!("each of `{key}` must be text; numbers are read as text")
            }
            _ => return false,
        };
        self.lint("document.wrong-annotation", at, &message);
        true
    }

    fn mismatch(&mut self, shape: ValueShape, value: &Value, at: &str) {
        let expected = match shape {
            ValueShape::Text | ValueShape::Word(_) => "text",
            ValueShape::Flag => "true or false",
            ValueShape::Count => "a whole number of at least 0",
            ValueShape::Number => "a number",
            ValueShape::Any => "anything",
            ValueShape::Object(kind) | ValueShape::Reference(kind) => kind.name(),
            ValueShape::List(_) => "a list",
            ValueShape::Map(_) => "a mapping",
            ValueShape::SchemaOrFlag => "a schema, true or false",
        };
        let key = pointer::last(at);
        let hint = match (key.as_str(), value) {
            ("type", Value::Array(_)) => Some("a list of types requires OpenAPI 3.1; in 3.0 write `nullable: true`"),
            ("exclusiveMinimum" | "exclusiveMaximum", Value::Number(_)) => {
                Some("a number here requires OpenAPI 3.1; in 3.0 write `minimum` or `maximum` and `true` here")
            }
            ("required", Value::Bool(_)) => Some("list the required names beside `properties`"),
            _ => None,
        };
        let message = format!("`{key}` must be {expected}, not {}", described(value));
        self.fail_in_value(ErrorKind::Structure { message }, at, hint.map(str::to_owned));
    }

    fn reference(&mut self, kind: ObjectKind, reference: &str, at: &str) {
        match resolve::follow(self.document.value(), at) {
            Ok((target, _)) => {
                let key = (kind, target);
                let known = self.known.get(&key).copied();
                let part = known.unwrap_or_else(|| {
                    let part = self.add(InspectedPart::default());
                    self.pending.push_back((part, kind, key.1.clone()));
                    self.known.insert(key, part);
                    part
                });
                self.found.references.push((part, at.to_owned()));
            }
            Err(error) => {
                let (kind, hint) = reference_error(error, reference, self.document.value());
                self.fail_in_value(kind, &pointer::join(at, "$ref"), hint);
            }
        }
    }

    fn object(&mut self, kind: ObjectKind, map: &Map<String, Value>, at: &str) {
        if kind == ObjectKind::Responses {
            return self.responses(map, at);
        }
        for key in kind.required() {
            if !map.contains_key(*key) {
                let near = nearest(key, map.keys().map(String::as_str).filter(|key| !is_known(kind, key)));
                let hint = near.map(|near| format!("did you mean `{key}` instead of `{near}`?"));
                self.broken(format!("{} must have `{key}`", kind.name()), at, hint);
            }
        }
        if kind == ObjectKind::Parameter && !map.contains_key("schema") && !map.contains_key("content") {
            self.broken("a parameter must have `schema` or `content`".to_owned(), at, None);
        }
        if kind == ObjectKind::Response && !map.contains_key("description") {
            self.lint("document.undescribed-response", at, "a response must have a `description`");
        }
        let nested = self.in_schema;
        if kind == ObjectKind::Schema {
            self.schema(map, at, nested);
            self.in_schema = true;
        }
        for (key, value) in map.iter().filter(|(key, _)| !key.starts_with("x-")) {
            let place = pointer::join(at, key);
            match kind.fields().iter().find(|(name, _)| name == key) {
                Some((_, shape)) if !self.is_harmless(*shape, key, value, &place) => self.shape(*shape, value, &place),
                Some(_) => {}
                None => self.unknown(kind, key, &place),
            }
        }
        self.in_schema = nested;
        if matches!(kind, ObjectKind::MediaType | ObjectKind::Parameter | ObjectKind::Header) {
            self.examples(map, at);
        }
    }

    fn unknown(&mut self, kind: ObjectKind, key: &str, at: &str) {
        let near = nearest(key, kind.fields().iter().map(|(name, _)| *name));
        let (harmless, annotations) = (kind.harmless(), ObjectKind::annotations());
        if key == "$ref" {
            self.broken(
                format!("{} cannot be a reference", kind.name()),
                at,
                Some("replace it by its target".to_owned()),
            );
        } else if kind.of_later_versions().contains(&key) {
            let hint = "write it with the keywords of 3.0, such as `enum` of one value for `const`";
            self.broken(format!("`{key}` is not a keyword of OpenAPI 3.0"), at, Some(hint.to_owned()));
        } else if let Some(near) = near.filter(|near| !harmless.contains(&key) && !annotations.contains(near)) {
            let hint = format!("did you mean `{near}`?");
            self.broken(format!("{} has no `{key}`", kind.name()), at, Some(hint));
        } else {
            self.lint("document.unknown-key", at, &format!("{} has no `{key}`; it is ignored", kind.name()));
        }
    }

    fn responses(&mut self, map: &Map<String, Value>, at: &str) {
        for (key, value) in map.iter().filter(|(key, _)| !key.starts_with("x-")) {
            let place = pointer::join(at, key);
            if is_status(key) {
                self.shape(ValueShape::Reference(ObjectKind::Response), value, &place);
            } else {
                let hint = "write a code from 100 to 599, a range such as `4XX`, or `default`";
                self.broken(format!("`{}` is not a status", clip(key)), &place, Some(hint.to_owned()));
            }
        }
        if map.is_empty() {
            self.lint("document.no-responses", at, "the operation documents no response");
        }
    }

    fn schema(&mut self, map: &Map<String, Value>, at: &str, nested: bool) {
        self.found.own.schemas.push(SchemaPlace { pointer: at.to_owned(), outermost: !nested });
        let nullable = map.get("nullable") == Some(&Value::Bool(true));
        if nullable && !map.contains_key("type") {
            let combined = ["allOf", "oneOf", "anyOf"].into_iter().find(|key| map.contains_key(*key));
            let message = match combined {
                Some(key) => format!(
                    "`nullable` has no effect without `type`: null is valid only as far as the schemas of `{key}` allow it"
                ),
                None => "`nullable` has no effect without `type`".to_owned(),
            };
            self.lint("document.nullable-without-type", at, &message);
        }
        if let Some(Value::Array(values)) = map.get("enum") {
            if nullable && !values.contains(&Value::Null) {
                let message = "the schema is nullable, but null is not valid because its `enum` does not list it";
                self.lint("document.nullable-enum", at, message);
            }
            if values.is_empty() {
                self.lint("document.empty-enum", at, "an empty `enum` allows no value at all; it is ignored");
            }
        }
        if ["readOnly", "writeOnly"].iter().all(|flag| map.get(*flag) == Some(&Value::Bool(true))) {
            let message =
                "a property cannot be both `readOnly` and `writeOnly`; neither a request nor a response needs it";
            self.lint("document.read-and-write-only", at, message);
        }
        if map.get("required").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.lint("document.empty-required", at, "`required` must list at least one property; it is ignored");
        }
        if map.get("type") == Some(&Value::from("array")) && !map.contains_key("items") {
            self.lint("document.array-without-items", at, "an array must have `items`; any items are treated as valid");
        }
        if let (Some(Value::Array(required)), Some(Value::Object(properties))) =
            (map.get("required"), map.get("properties"))
        {
            for name in required.iter().filter_map(Value::as_str).filter(|name| !properties.contains_key(*name)) {
                let message = format!("`{}` is required but not described", clip(name));
                self.lint("document.required-undescribed", at, &message);
            }
        }
    }

    fn examples(&mut self, map: &Map<String, Value>, at: &str) {
        if !map.contains_key("schema") {
            return;
        }
        let schema = pointer::join(at, "schema");
        if map.contains_key("example") {
            self.found.own.examples.push((pointer::join(at, "example"), schema.clone()));
        }
        if let Some(Value::Object(examples)) = map.get("examples") {
            for name in examples.keys() {
                let example = pointer::join(&pointer::join(at, "examples"), name);
                if let Some((target, value)) = self.document.resolve(&example)
                    && value.get("value").is_some()
                {
                    self.found.own.examples.push((pointer::join(&target, "value"), schema.clone()));
                }
            }
        }
    }

    fn broken(&mut self, message: String, at: &str, hint: Option<String>) {
        self.fail(ErrorKind::Structure { message }, at, hint);
    }

    fn fail(&mut self, kind: ErrorKind, at: &str, hint: Option<String>) {
        self.found.own.errors.push(self.document.error(kind, at, hint));
    }

    fn fail_in_value(&mut self, kind: ErrorKind, at: &str, hint: Option<String>) {
        self.found.own.errors.push(self.document.error_in_value(kind, at, hint));
    }

    fn lint(&mut self, id: &'static str, at: &str, message: &str) {
        self.found.own.lints.push(self.document.lint(id, at, message));
    }
}

/// What the members beside a `$ref` do not do.
fn beside_reference(map: &Map<String, Value>) -> &'static str {
    if map.get("nullable") == Some(&Value::Bool(true)) {
        "members beside `$ref` are ignored in OpenAPI 3.0: `nullable` here does not make null valid"
    } else {
        "members beside `$ref` are ignored in OpenAPI 3.0"
    }
}

/// Converts the error of a reference, with a hint.
fn reference_error(error: Option<RefError>, written: &str, root: &Value) -> (ErrorKind, Option<String>) {
    match error {
        Some(RefError::External { reference }) => {
            let hint = "bundle the files into one first, for example with `redocly bundle`";
            (ErrorKind::External { reference }, Some(hint.to_owned()))
        }
        Some(RefError::Loop { chain }) => (ErrorKind::Loop { chain }, None),
        Some(RefError::Dangling { reference }) => {
            let hint = similar_reference(&reference, root);
            (ErrorKind::Dangling { reference }, hint)
        }
        None => (ErrorKind::Dangling { reference: written.to_owned() }, None),
    }
}

/// A hint about a similar existing reference.
fn similar_reference(reference: &str, root: &Value) -> Option<String> {
    if !reference.starts_with("#/") {
        return Some("a reference must begin with `#/`".to_owned());
    }
    let target = resolve::target(reference).ok()?;
    let parent = pointer::parent(&target)?;
    let beside = root.pointer(parent)?.as_object()?;
    let near = nearest(&pointer::last(&target), beside.keys().map(String::as_str))?;
    Some(format!("did you mean `#{}`?", pointer::join(parent, near)))
}

fn is_known(kind: ObjectKind, key: &str) -> bool {
    kind.fields().iter().any(|(name, _)| *name == key)
}

fn is_count(number: &serde_json::Number) -> bool {
    number.as_u64().is_some() || number.as_f64().is_some_and(|float| float >= 0.0 && float.fract() == 0.0)
}

/// Whether a key of the responses is a status, a range or the default.
fn is_status(key: &str) -> bool {
    let bytes = key.as_bytes();
    let digits = bytes.len() == 3 && (b'1'..=b'5').contains(&bytes[0]);
    key == "default" || digits && (bytes[1..].iter().all(u8::is_ascii_digit) || &bytes[1..] == b"XX")
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text `{}`", clip(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// The beginning of a text, at most 40 characters.
fn clip(text: &str) -> String {
    if text.chars().count() <= 40 {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(40).collect::<String>())
    }
}
