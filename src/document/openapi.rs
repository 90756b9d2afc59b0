//! The document with its text, values and places.

use super::{
    DocumentError, ErrorKind, Inspector, Lint, Position, RefError, nearest, read, resolve, spans::Spans, typed, yaml,
};
use serde_json::{Map, Value};
use std::path::Path;

/// The document that is part of the binary.
const EMBEDDED: &str = include_str!("../../spec/offerings.openapi.yaml");

/// Path of [`EMBEDDED`] in the repository.
const EMBEDDED_NAME: &str = "spec/offerings.openapi.yaml";

/// An OpenAPI 3.0 document as written.
#[derive(Debug)]
pub struct Document {
    name: String,
    text: String,
    value: Value,
    spans: Spans,
}

impl Document {
    /// Reads a YAML or JSON file.
    pub fn load(path: impl AsRef<Path>) -> Result<Document, DocumentError> {
        Document::load_up_to(path, read::MAX_MIB)
    }

    /// Reads a YAML or JSON file of at most `limit` MiB.
    pub fn load_up_to(path: impl AsRef<Path>, limit: u64) -> Result<Document, DocumentError> {
        let path = path.as_ref();
        Document::parse(read::file(path, limit)?, path.display().to_string())
    }

    /// Parses YAML or JSON. `name` is the name of the file in errors.
    pub fn parse(text: impl Into<String>, name: impl Into<String>) -> Result<Document, DocumentError> {
        let (mut text, name) = (text.into(), name.into());
        // The parser would treat a byte order mark as a second document.
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let (value, spans) = yaml::read(&text, &name)?;
        let document = Document { name, text, value, spans };
        document.check()?;
        Ok(document)
    }

    /// The document that is part of the binary.
    pub fn embedded() -> Document {
        Document::parse(EMBEDDED, EMBEDDED_NAME).expect("a test reads the embedded document")
    }

    /// Name of the file as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text as read, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole document, with aliases and merge keys expanded and references as written.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The path templates of the document with their path items (which may be references), sorted by template.
    pub fn paths(&self) -> impl Iterator<Item = (&str, &Value)> {
        let paths = self.value.get("paths").and_then(Value::as_object);
        paths
            .into_iter()
            .flatten()
            .filter(|(path, _)| !path.starts_with("x-"))
            .map(|(path, item)| (path.as_str(), item))
    }

    /// Follows a JSON pointer, and every reference on the way and at its end, to a value that is not a reference.
    ///
    /// Returns the pointer of that value. `None` when there is no such value; [`Document::follow`] returns the reason.
    pub fn resolve(&self, pointer: &str) -> Option<(String, &Value)> {
        resolve::follow(&self.value, pointer).ok()
    }

    /// Like [`Document::resolve`], with an error: the failing reference, or `None` when the pointer has no target.
    pub fn follow(&self, pointer: &str) -> Result<(String, &Value), Option<RefError>> {
        resolve::follow(&self.value, pointer)
    }

    /// Position of the key (in a list, of the item) of a pointer. For a pointer that is not in the text, the position
    /// of its deepest ancestor.
    pub fn position(&self, pointer: &str) -> Position {
        self.spans.find(pointer).key
    }

    /// Position of the value of a pointer, after its key.
    pub fn value_position(&self, pointer: &str) -> Position {
        self.spans.find(pointer).value
    }

    /// Checks operations and all that they refer to.
    pub fn inspector(&self) -> Inspector<'_> {
        Inspector::new(self)
    }

    /// The operation at the pointer `operation`, whose path item is at `item`, as a type of `openapiv3`: with the
    /// parameters of its path item after its own, the security of the document if it has none, and references followed.
    ///
    /// The extension [`super::PLACE`] of each object is its pointer. Schemas are omitted: read them from
    /// [`Document::value`].
    pub fn operation(&self, item: &str, operation: &str) -> Result<openapiv3::Operation, DocumentError> {
        typed::operation(self, item, operation)
            .map_err(|error| self.error(ErrorKind::Structure { message: error.to_string() }, operation, None))
    }

    /// An error at the key of a pointer (in a list, at the item).
    pub fn error(&self, kind: ErrorKind, pointer: &str, hint: Option<String>) -> DocumentError {
        let position = Some(self.position(pointer));
        DocumentError { kind, file: self.name.clone(), position, pointer: Some(pointer.to_owned()), hint }
    }

    /// An error at the value of a pointer.
    pub fn error_in_value(&self, kind: ErrorKind, pointer: &str, hint: Option<String>) -> DocumentError {
        DocumentError { position: Some(self.value_position(pointer)), ..self.error(kind, pointer, hint) }
    }

    /// A lint at a place of this document.
    pub fn lint(&self, id: &'static str, pointer: &str, message: impl Into<String>) -> Lint {
        Lint { id, pointer: pointer.to_owned(), position: self.position(pointer), message: message.into() }
    }

    /// Checks what the whole document needs.
    fn check(&self) -> Result<(), DocumentError> {
        let found = match &self.value {
            Value::Object(_) => None,
            Value::Array(_) => Some("a list"),
            Value::String(_) => Some("a text"),
            _ => Some("a single value"),
        };
        if let Some(found) = found {
            let hint = "give an OpenAPI 3.0 document in YAML or JSON";
            return Err(self.error(ErrorKind::NotMapping { found }, "", Some(hint.to_owned())));
        }
        self.check_version()?;
        match self.value.get("paths") {
            Some(Value::Object(_)) => Ok(()),
            Some(_) => {
                let message = "`paths` must be a mapping of paths to operations".to_owned();
                Err(self.error_in_value(ErrorKind::Structure { message }, "/paths", None))
            }
            None => {
                let keys = self.value.as_object().into_iter().flat_map(Map::keys);
                let hint = nearest("paths", keys.map(String::as_str))
                    .map(|near| format!("did you mean `paths` instead of `{near}`?"));
                let message = "the key `paths` is missing".to_owned();
                Err(self.error(ErrorKind::Structure { message }, "", hint))
            }
        }
    }

    fn check_version(&self) -> Result<(), DocumentError> {
        if let Some(version) = self.value.get("swagger") {
            let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
            let hint = "convert it first, for example with `swagger2openapi`";
            return Err(self.error_in_value(ErrorKind::Swagger { version }, "/swagger", Some(hint.to_owned())));
        }
        match self.value.get("openapi") {
            Some(Value::String(version)) if version == "3.0" || version.starts_with("3.0.") => Ok(()),
            Some(Value::String(version)) => {
                let hint = "convert it first, for example with `openapi-down-convert`";
                let kind = ErrorKind::Version { version: version.clone() };
                Err(self.error_in_value(kind, "/openapi", Some(hint.to_owned())))
            }
            Some(other) => {
                let message = "`openapi` must be text".to_owned();
                let hint = format!("write `openapi: 3.0.3` instead of {other}");
                Err(self.error_in_value(ErrorKind::Structure { message }, "/openapi", Some(hint)))
            }
            None => {
                let hint = "an OpenAPI document begins with `openapi: 3.0.3`";
                Err(self.error(ErrorKind::NotOpenApi, "", Some(hint.to_owned())))
            }
        }
    }
}
