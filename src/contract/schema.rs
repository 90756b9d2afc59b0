//! Validation by a schema of the document.
//!
//! With `patterns` the only place that knows `jsonschema`.

use super::undocumented::PropertyNames;
use super::{draft4, ecma};
use crate::document::{Document, DocumentError, ErrorKind, pointer};
use jsonschema::{Draft, PatternOptions, Registry, ValidationError, Validator, error::ValidationErrorKind as Kind};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

/// Maximum length of the message of a schema error, in characters.
const MAX_LENGTH: usize = 240;

/// The keyword that is reported for an unusable schema.
const UNUSABLE: &str = "$schema";

/// For a larger value only the first error is reported; a full page of full offerings has under 11,000 values.
const MAX_VALUES: usize = 50_000;

/// The direction of a body: a request needs no `readOnly` properties, a response no `writeOnly` ones.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// To the server.
    Request,
    /// From the server.
    Response,
}

impl Direction {
    const fn base(self) -> &'static str {
        match self {
            Direction::Request => "qonform:///request",
            Direction::Response => "qonform:///response",
        }
    }
}

/// One violation of a schema by a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SchemaError {
    /// JSON pointer into the value.
    pub instance_path: String,
    /// JSON pointer into the document, of the violated keyword.
    pub schema_pointer: String,
    /// The violated keyword, such as `maxLength`. A number too large for its `format` violates `maximum`.
    pub keyword: String,
    /// What is wrong, at most 240 characters. May quote a short value.
    pub message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.instance_path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{} at {}", self.message, self.instance_path)
        }
    }
}

/// A schema of the document, with validators for each direction that are compiled once and shared. Cheap to clone.
#[derive(Clone)]
pub struct SchemaRef(Arc<SubschemaPlace>);

/// A schema, with what is created from it on first use.
struct SubschemaPlace {
    pointer: String,
    schemas: Arc<Schemas>,
    request: Mutex<Option<Compiled>>,
    response: Mutex<Option<Compiled>>,
    names: Mutex<Option<PropertyNames>>,
}

impl SchemaRef {
    /// JSON pointer of the schema in its media type or parameter, where it may be a reference.
    pub fn pointer(&self) -> &str {
        &self.0.pointer
    }

    /// The schema as written, references not followed. Null, which accepts anything, when none is documented.
    pub fn raw(&self) -> &Value {
        self.0.schemas.document.value().pointer(&self.0.pointer).unwrap_or(&Value::Null)
    }

    /// The schema with references followed: its pointer and its value. Null when none is documented.
    pub fn resolved(&self) -> (String, &Value) {
        self.0.schemas.document.resolve(&self.0.pointer).unwrap_or_else(|| (self.0.pointer.clone(), &Value::Null))
    }

    /// The document that the schema is part of.
    pub fn document(&self) -> &Document {
        &self.0.schemas.document
    }

    /// Every violation of the schema by a value; empty when it is valid.
    pub fn validate(&self, direction: Direction, instance: &Value) -> Vec<SchemaError> {
        match &self.validator(direction) {
            // Nearly every response is valid, and checking that is much cheaper than collecting errors.
            Ok(validator) if validator.is_valid(instance) => Vec::new(),
            Ok(validator) => {
                let mut errors = Vec::new();
                let mut report = |error: &ValidationError<'_>| {
                    if !is_undecided(error) {
                        errors.push(self.0.schemas.schema_error(error));
                    }
                };
                if has_more_values_than(MAX_VALUES, instance) {
                    // All errors of a body with millions of values would exhaust the memory.
                    validator.validate(instance).err().iter().for_each(|error| report_deepest(error, &mut report));
                } else {
                    validator.iter_errors(instance).for_each(|error| report_deepest(&error, &mut report));
                }
                errors
            }
            // Only for a schema outside the six operations: theirs were compiled with the contract.
            Err(message) => vec![SchemaError {
                instance_path: String::new(),
                schema_pointer: self.0.pointer.clone(),
                keyword: UNUSABLE.to_owned(),
                message: clip(&format!("the schema itself cannot be used: {message}")),
            }],
        }
    }

    /// The errors of [`Self::validate`] without messages, which is cheaper: pointer into the value, keyword, and the
    /// missing property if one is missing.
    pub fn violated_keywords(&self, direction: Direction, instance: &Value) -> Vec<(String, String, Option<String>)> {
        let Ok(validator) = self.validator(direction) else {
            return vec![(String::new(), UNUSABLE.to_owned(), None)];
        };
        let mut errors = Vec::new();
        for error in validator.iter_errors(instance) {
            report_deepest(&error, &mut |error| {
                if is_undecided(error) {
                    return;
                }
                let missing = match error.kind() {
                    Kind::Required { property } => property.as_str().map(str::to_owned),
                    _ => None,
                };
                errors.push((error.instance_path().as_str().to_owned(), error.kind().keyword().to_owned(), missing));
            });
        }
        errors
    }

    /// Whether a value is valid.
    pub fn is_valid(&self, direction: Direction, instance: &Value) -> bool {
        let Ok(validator) = self.validator(direction) else { return false };
        let is_undecided = || self.0.schemas.has_boundaries && self.violated_keywords(direction, instance).is_empty();
        validator.is_valid(instance) || is_undecided()
    }

    /// Pointers into a value of properties that no schema lists, through references, lists and combined schemas.
    ///
    /// No property is undocumented where a schema lists no properties, or describes those that it does not list.
    pub fn undocumented(&self, instance: &Value) -> Vec<String> {
        let SubschemaPlace { pointer, schemas, names, .. } = &*self.0;
        let mut names = locked(names);
        let names = names.get_or_insert_with(|| PropertyNames::of(&schemas.document, pointer));
        names.missing_for(&schemas.document, instance)
    }

    /// Frees what was created from the schema; it is created again when needed. A validator includes a copy of every
    /// schema that it refers to, so those of all operations of a large document together need much memory.
    pub(super) fn release(&self) {
        let SubschemaPlace { pointer, schemas, request, response, names } = &*self.0;
        *locked(names) = None;
        for (direction, compiled) in [(Direction::Request, request), (Direction::Response, response)] {
            if locked(compiled).take().is_some() {
                schemas.release(direction, pointer);
            }
        }
    }

    fn validator(&self, direction: Direction) -> Compiled {
        let compiled = match direction {
            Direction::Request => &self.0.request,
            Direction::Response => &self.0.response,
        };
        locked(compiled).get_or_insert_with(|| self.0.schemas.validator(direction, &self.0.pointer)).clone()
    }
}

impl fmt::Debug for SchemaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SchemaRef").field(&self.0.pointer).finish()
    }
}

impl PartialEq for SchemaRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.pointer == other.0.pointer
    }
}

type Compiled = Result<Arc<Validator>, Arc<str>>;

/// What a mutex protects, also after a panic: nothing is ever half written.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All schemas that some operations of a document refer to.
pub(super) struct Schemas {
    document: Arc<Document>,
    parts: SchemaParts,
    /// Created when it is first needed: for most operations of a large document it never is.
    registry: OnceLock<Result<Registry<'static>, Arc<str>>>,
    /// Whether a pattern has boundaries of words.
    has_boundaries: bool,
    compiled: Mutex<HashMap<(Direction, String), Compiled>>,
}

/// Which schemas of a document are used.
#[derive(Debug)]
pub(super) struct SchemaParts {
    /// Pointers of the schemas that are not part of another.
    pub(super) outermost: Vec<String>,
    /// Pointers of the patterns that are not used.
    pub(super) dropped: Arc<HashSet<String>>,
    /// Whether one is `readOnly` or `writeOnly`. If none is, requests and responses share their schemas.
    pub(super) has_directions: bool,
}

impl Schemas {
    /// Prepares schemas.
    pub(super) fn new(document: Arc<Document>, parts: SchemaParts) -> Arc<Schemas> {
        let has_boundaries = [r"\b", r"\B", r"\\b", r"\\B"].iter().any(|boundary| document.text().contains(boundary));
        let (registry, compiled) = (OnceLock::new(), Mutex::default());
        Arc::new(Schemas { document, parts, registry, has_boundaries, compiled })
    }

    fn registry(&self) -> &Result<Registry<'static>, Arc<str>> {
        self.registry.get_or_init(|| {
            let fail = |error: &dyn fmt::Display| Arc::from(format!("the schemas cannot be used: {error}"));
            let SchemaParts { outermost, dropped, has_directions } = &self.parts;
            let mut registry = Registry::new();
            for direction in [Direction::Request, Direction::Response] {
                if direction == Direction::Request || *has_directions {
                    let schemas = draft4::transform(&self.document, outermost, dropped, direction);
                    // `Resource::from_contents` would detect another draft.
                    let resource = Draft::Draft4.create_resource(schemas);
                    registry = registry.add(direction.base(), resource).map_err(|error| fail(&error))?;
                }
            }
            registry.prepare().map_err(|error| fail(&error))
        })
    }

    /// The schema at a pointer, whether or not one is written there.
    pub(super) fn at(self: &Arc<Self>, place: &str) -> SchemaRef {
        SchemaRef(Arc::new(SubschemaPlace {
            pointer: place.to_owned(),
            schemas: Arc::clone(self),
            request: Mutex::default(),
            response: Mutex::default(),
            names: Mutex::default(),
        }))
    }

    /// Compiles a schema for both directions, so that a mistake is reported before anything is sent.
    pub(super) fn compile(&self, place: &str) -> Result<(), DocumentError> {
        for direction in [Direction::Request, Direction::Response] {
            self.validator(direction, place).map_err(|message| {
                let message = clip(&format!("the schema cannot be used: {message}"));
                self.document.error(ErrorKind::Structure { message }, place, None)
            })?;
        }
        Ok(())
    }

    fn validator(&self, direction: Direction, place: &str) -> Compiled {
        let (direction, target) = self.target(direction, place);
        let key = (direction, target.clone().unwrap_or_default());
        locked(&self.compiled).entry(key).or_insert_with(|| self.build(direction, target.as_deref())).clone()
    }

    /// Frees a validator unless another schema uses it.
    fn release(&self, direction: Direction, place: &str) {
        let (direction, target) = self.target(direction, place);
        let is_used = |compiled: &Compiled| compiled.as_ref().is_ok_and(|validator| Arc::strong_count(validator) > 1);
        let key = (direction, target.unwrap_or_default());
        locked(&self.compiled).retain(|known, compiled| *known != key || is_used(compiled));
    }

    /// Where the schema of a place and its direction is compiled.
    fn target(&self, direction: Direction, place: &str) -> (Direction, Option<String>) {
        let target = self.document.resolve(place).map(|(target, _)| target);
        (if self.parts.has_directions { direction } else { Direction::Request }, target)
    }

    fn build(&self, direction: Direction, target: Option<&str>) -> Compiled {
        let schema = match target {
            Some(target) => json!({ "$ref": format!("{}#{}", direction.base(), draft4::fragment(target)) }),
            None => json!({}),
        };
        let registry = self.registry().as_ref().map_err(Arc::clone)?;
        jsonschema::options()
            .with_draft(Draft::Draft4)
            .offline()
            .should_validate_formats(true)
            .with_format("uuid", ecma::is_uuid)
            .with_pattern_options(PatternOptions::regex().size_limit(ecma::MAX_SIZE))
            .with_registry(registry)
            .build(&schema)
            .map(Arc::new)
            .map_err(|error| error.to_string().into())
    }

    /// Converts an error of the library.
    fn schema_error(&self, error: &ValidationError<'_>) -> SchemaError {
        let short = error.instance().to_string().chars().count() <= MAX_LENGTH / 4;
        let message = if short { error.to_string() } else { error.masked_with("the value").to_string() };
        let schema_pointer = self.keyword_pointer(error);
        // The pattern as written.
        let message = match (error.kind(), self.document.value().pointer(&schema_pointer).and_then(Value::as_str)) {
            (Kind::Pattern { pattern }, Some(written)) => message.replace(pattern.as_str(), written),
            _ => message,
        };
        SchemaError {
            instance_path: error.instance_path().as_str().to_owned(),
            schema_pointer,
            keyword: error.kind().keyword().to_owned(),
            message: clip(&message),
        }
    }

    /// Pointer of the violated keyword in the document: of `format` for a bound that was derived from it.
    fn keyword_pointer(&self, error: &ValidationError<'_>) -> String {
        let location =
            error.absolute_keyword_location().and_then(|uri| uri.fragment().map(|part| part.as_str().to_owned()));
        let place = match location {
            Some(fragment) => percent_decode_str(&fragment).decode_utf8_lossy().into_owned(),
            None => error.schema_path().as_str().to_owned(),
        };
        if self.document.value().pointer(&place).is_some() {
            return place;
        }
        // In a copy of what a reference points to.
        if let Some((target, _)) = self.document.resolve(&place) {
            return target;
        }
        let parent = pointer::parent(&place).unwrap_or_default();
        let format = pointer::join(parent, "format");
        if self.document.value().pointer(&format).is_some() { format } else { parent.to_owned() }
    }
}

/// Whether a text violates a pattern only as far as this validator can tell.
fn is_undecided(error: &ValidationError<'_>) -> bool {
    let Kind::Pattern { pattern } = error.kind() else { return false };
    error.instance().as_str().is_some_and(|text| ecma::is_undecided(pattern, text))
}

/// Reports an error. If all alternatives fail, reports the errors of the one that matches deepest.
fn report_deepest(error: &ValidationError<'_>, report: &mut dyn FnMut(&ValidationError<'_>)) {
    if let Kind::OneOfNotValid { context } | Kind::AnyOf { context } = error.kind() {
        let depth = |branch: &Vec<ValidationError<'_>>| {
            branch.iter().map(|error| error.instance_path().as_str().matches('/').count()).max().unwrap_or(0)
        };
        let best = context.iter().max_by_key(|branch| (depth(branch), std::cmp::Reverse(branch.len())));
        if let Some(branch) = best.filter(|branch| !branch.is_empty()) {
            return branch.iter().for_each(|error| report_deepest(error, report));
        }
    }
    report(error);
}

/// The beginning of a text, at most [`MAX_LENGTH`] characters.
pub(super) fn clip(text: &str) -> String {
    if text.chars().count() <= MAX_LENGTH {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(MAX_LENGTH - 1).collect::<String>())
}

/// Whether a value consists of more than `limit` values, including itself.
fn has_more_values_than(limit: usize, value: &Value) -> bool {
    let mut pending = vec![value];
    let mut seen = 0;
    while let Some(value) = pending.pop() {
        seen += 1;
        if seen + pending.len() > limit {
            return true;
        }
        match value {
            Value::Array(items) => pending.extend(items.iter().take(limit + 1)),
            Value::Object(map) => pending.extend(map.values().take(limit + 1)),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Catalogue, Contract};

    #[test]
    fn released_validators_are_freed_and_compiled_again() {
        let thing = "    Thing: {type: object, required: [a], properties: {a: {type: integer}, next: {$ref: '#/components/schemas/Thing'}}}";
        let body = "{content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}";
        let operation = |id: &str| {
            format!(
                "  /{id}:\n    post: {{operationId: {id}, requestBody: {body}, responses: {{'204': {{description: Done.}}}}}}"
            )
        };
        let text = Document::embedded().text().replacen("\n  schemas:\n", &format!("\n  schemas:\n{thing}\n"), 1);
        let paths = format!("\npaths:\n{}\n{}\n", operation("one"), operation("two"));
        let document = Document::parse(text.replacen("\npaths:\n", &paths, 1), "t.yaml").unwrap();
        let contract = Contract::from_document(document, Catalogue::embedded()).unwrap();
        let operation = |id: &str| contract.operations().iter().find(|operation| operation.id == id).unwrap();
        let (one, two) = (operation("one"), operation("two"));
        let schema = |operation: &super::super::Operation| operation.body.as_ref().unwrap().json().unwrap().clone();
        let count = || locked(&schema(one).0.schemas.compiled).len();
        for _ in 0..2 {
            assert!(schema(one).is_valid(Direction::Request, &json!({"a": 1})));
            assert!(!schema(two).is_valid(Direction::Request, &json!({"a": 1, "next": {}})));
            assert_eq!(count(), 1);
            one.release();
            assert_eq!(count(), 1, "the other operation uses it");
            two.release();
            assert_eq!(count(), 0);
        }
    }
}
