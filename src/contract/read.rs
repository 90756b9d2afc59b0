//! Reads the operations of a document.

use super::{
    DocumentedResponse, Endpoint, Header, Operation, Parameter, ParameterPlace, ParameterStyle, RequestBody, StatusKey,
    codes,
    schema::{SchemaRef, Schemas},
};
use crate::document::{Document, DocumentError, Inspection, Lint, pointer};
use http::Method;
use openapiv3::SecurityRequirement;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// An operation that was found but not yet read.
#[derive(Clone, Debug)]
pub(super) struct FoundOperation {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) id: Option<String>,
    /// JSON pointer of the path item, references followed.
    pub(super) item: String,
    /// JSON pointer of the operation.
    pub(super) pointer: String,
}

/// Every operation of a document, and a lint for each path that cannot be read.
pub(super) fn find(document: &Document) -> (Vec<FoundOperation>, Vec<Lint>) {
    let (mut operations, mut lints) = (Vec::new(), Vec::new());
    for (path, item) in document.paths() {
        let written = pointer::join("/paths", path);
        let Some((target, value)) = document.resolve(&written).filter(|(_, value)| value.is_object()) else {
            lints.push(document.lint(
                "document.unreadable-path",
                &written,
                format!("the path `{path}` cannot be read"),
            ));
            continue;
        };
        if !path.starts_with('/') {
            let message = format!("the path `{path}` does not begin with a slash; it is ignored");
            lints.push(document.lint("document.path-without-slash", &written, message));
            continue;
        }
        for method in METHODS {
            // Members beside the reference of a path item override those of its target.
            let (item, value) =
                if item.get(method).is_some() { (written.clone(), item) } else { (target.clone(), value) };
            let Some(operation) = value.get(method) else { continue };
            operations.push(FoundOperation {
                method: Method::from_bytes(method.to_uppercase().as_bytes()).expect("methods are letters"),
                path: path.to_owned(),
                id: operation.get("operationId").and_then(Value::as_str).map(str::to_owned),
                pointer: pointer::join(&item, method),
                item,
            });
        }
    }
    (operations, lints)
}

/// Which of the operations found are the six: by operation id, else by method and path.
pub(super) fn endpoints(found: &[FoundOperation]) -> Vec<Option<Endpoint>> {
    let mut result = vec![None; found.len()];
    for endpoint in Endpoint::ALL {
        let by_id = found.iter().position(|operation| operation.id.as_deref() == Some(endpoint.operation_id()));
        let by_shape = || {
            // Of several similar paths, the shortest is the resource itself.
            let similar = found.iter().enumerate().filter(|(_, operation)| {
                let is_other = operation.id.as_deref().and_then(Endpoint::of_id).is_some_and(|other| other != endpoint);
                !is_other && Endpoint::of_shape(&operation.method, &operation.path) == Some(endpoint)
            });
            similar.min_by_key(|(_, operation)| operation.path.len()).map(|(index, _)| index)
        };
        if let Some(index) = by_id.or_else(by_shape) {
            result[index] = Some(endpoint);
        }
    }
    result
}

/// What reading an operation needs from the rest of the document.
pub(super) struct OperationReader {
    pub(super) document: Arc<Document>,
    pub(super) schemas: Arc<Schemas>,
    /// Names of properties, which are not typed codes.
    pub(super) names: BTreeSet<String>,
}

impl OperationReader {
    /// Reads an operation without inspection errors.
    pub(super) fn operation(
        &self,
        found: &FoundOperation,
        endpoint: Option<Endpoint>,
    ) -> Result<Operation, DocumentError> {
        let head = self.document.operation_head(&found.pointer)?;
        let method = found.method.clone();
        let parameters = self.parameters(found);
        let mut names = self.names.clone();
        names.extend(parameters.iter().map(|parameter| parameter.name.clone()));
        Ok(Operation {
            id: found.id.clone().unwrap_or_else(|| format!("{method} {}", found.path)),
            endpoint,
            path: found.path.clone(),
            body: self.body(&pointer::join(&found.pointer, "requestBody")),
            responses: self.responses(&pointer::join(&found.pointer, "responses"), &names),
            security: self.security(head.security),
            tags: head.tags,
            pointer: found.pointer.clone(),
            parameters,
            method,
        })
    }

    /// The operation's own parameters, then those of its path that it does not replace.
    fn parameters(&self, found: &FoundOperation) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        for owner in [&found.pointer, &found.item] {
            let list = pointer::join(owner, "parameters");
            let count = self.document.value().pointer(&list).and_then(Value::as_array).map_or(0, Vec::len);
            for index in 0..count {
                let Some(parameter) = self.parameter(&format!("{list}/{index}")) else { continue };
                let same = |other: &Parameter| {
                    other.place == parameter.place && other.place.same_name(&other.name, &parameter.name)
                };
                if !is_ignored(&parameter) && !parameters.iter().any(same) {
                    parameters.push(parameter);
                }
            }
        }
        parameters
    }

    fn parameter(&self, written: &str) -> Option<Parameter> {
        let (target, value) = self.document.resolve(written)?;
        let place = match value.get("in")?.as_str()? {
            "path" => ParameterPlace::Path,
            "query" => ParameterPlace::Query,
            "header" => ParameterPlace::Header,
            "cookie" => ParameterPlace::Cookie,
            _ => return None,
        };
        Some(Parameter {
            name: value.get("name")?.as_str()?.to_owned(),
            place,
            required: value.get("required") == Some(&Value::Bool(true)) || place == ParameterPlace::Path,
            schema: self.schema_of(&target, value),
            style: style(value, place),
            explode: value
                .get("explode")
                .and_then(Value::as_bool)
                .unwrap_or(style(value, place) == ParameterStyle::Form),
            media: media_of(value),
            example: self.example(&target, value),
            pointer: target,
        })
    }

    fn body(&self, written: &str) -> Option<RequestBody> {
        let (target, value) = self.document.resolve(written)?;
        let required = value.get("required") == Some(&Value::Bool(true));
        Some(RequestBody { required, media: self.media(&target, value), pointer: target })
    }

    fn responses(&self, written: &str, names: &BTreeSet<String>) -> Vec<DocumentedResponse> {
        let documented = self.document.value().pointer(written).and_then(Value::as_object);
        let mut responses: Vec<DocumentedResponse> = documented
            .into_iter()
            .flat_map(|responses| responses.keys())
            .filter_map(|key| {
                let written_at = pointer::join(written, key);
                let status = StatusKey::parse(key)?;
                let (target, value) = self.document.resolve(&written_at)?;
                let description = value.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
                let codes = codes::listed(value).unwrap_or_else(|| codes::in_prose(&description, names));
                let (media, headers) = (self.media(&target, value), self.headers(&target, value));
                Some(DocumentedResponse { status, description, codes, media, headers, pointer: target, written_at })
            })
            .collect();
        responses.sort_by_key(|response| response.status);
        responses
    }

    fn media(&self, owner: &str, value: &Value) -> Vec<(String, SchemaRef)> {
        let content = value.get("content").and_then(Value::as_object);
        let names = content.into_iter().flat_map(|content| content.keys());
        let place = |name| pointer::join(&pointer::join(&pointer::join(owner, "content"), name), "schema");
        names.map(|name| (name.clone(), self.schemas.at(&place(name)))).collect()
    }

    fn headers(&self, owner: &str, value: &Value) -> Vec<Header> {
        let headers = value.get("headers").and_then(Value::as_object);
        let names = headers.into_iter().flat_map(|headers| headers.keys());
        names
            .filter_map(|name| {
                let (target, value) = self.document.resolve(&format!("{owner}/headers/{}", pointer::escape(name)))?;
                let required = value.get("required") == Some(&Value::Bool(true));
                let (name, media) = (name.clone(), media_of(value));
                Some(Header { name, required, schema: self.schema_of(&target, value), media, pointer: target })
            })
            .collect()
    }

    /// The schema of a parameter or header, which may be under a media type.
    fn schema_of(&self, target: &str, value: &Value) -> SchemaRef {
        let place = match media_of(value) {
            Some(media) => format!("{target}/content/{}/schema", pointer::escape(&media)),
            None => pointer::join(target, "schema"),
        };
        self.schemas.at(&place)
    }

    /// The example of a parameter, or the first of several.
    fn example(&self, target: &str, value: &Value) -> Option<Value> {
        if let Some(example) = value.get("example") {
            return Some(example.clone());
        }
        let name = value.get("examples")?.as_object()?.keys().next()?;
        let place = format!("{target}/examples/{}/value", pointer::escape(name));
        self.document.resolve(&place).map(|(_, value)| value.clone())
    }

    fn security(&self, own: Option<Vec<SecurityRequirement>>) -> Vec<Vec<String>> {
        let whole = || self.document.value().get("security").cloned().and_then(|all| serde_json::from_value(all).ok());
        let alternatives: Vec<SecurityRequirement> = own.or_else(whole).unwrap_or_default();
        alternatives.into_iter().map(|schemes| schemes.into_keys().collect()).collect()
    }
}

/// The style of a parameter: what it says if its place allows that, else that of its place.
fn style(value: &Value, place: ParameterPlace) -> ParameterStyle {
    use ParameterPlace::{Cookie, Header, Path, Query};
    match (place, value.get("style").and_then(Value::as_str)) {
        (Path, Some("label")) => ParameterStyle::Label,
        (Path, Some("matrix")) => ParameterStyle::Matrix,
        (Path | Header, _) => ParameterStyle::Simple,
        (Query, Some("spaceDelimited")) => ParameterStyle::SpaceDelimited,
        (Query, Some("pipeDelimited")) => ParameterStyle::PipeDelimited,
        (Query, Some("deepObject")) => ParameterStyle::DeepObject,
        (Query | Cookie, _) => ParameterStyle::Form,
    }
}

/// The media type of a parameter or header that has no schema of its own.
fn media_of(value: &Value) -> Option<String> {
    let content = value.get("content").and_then(Value::as_object).filter(|_| value.get("schema").is_none());
    content.and_then(|content| content.keys().next()).cloned()
}

/// The standard ignores header parameters with these names: other parts of the document describe them.
fn is_ignored(parameter: &Parameter) -> bool {
    let names = ["accept", "content-type", "authorization"];
    parameter.place == ParameterPlace::Header && names.iter().any(|name| parameter.name.eq_ignore_ascii_case(name))
}

/// The path of the first server of an operation, such as `/v4`; empty for the root. `item` and `operation` are the
/// pointers of the path item and of the operation.
pub(super) fn base_path(document: &Document, item: &str, operation: &str) -> String {
    let server = [operation, item, ""].into_iter().find_map(|owner| {
        let place = format!("{owner}/servers/0");
        document.value().pointer(&place)
    });
    let Some(server) = server else { return String::new() };
    let mut url = server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
        let default =
            variable.get("default").map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        url = url.replace(&format!("{{{name}}}"), &default.unwrap_or_default());
    }
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => url.as_str(),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    // A relative URL such as `./v4` is below an unknown place.
    let segments = path.split('/').filter(|segment| !matches!(*segment, "" | "." | ".."));
    segments.map(|segment| format!("/{segment}")).collect()
}

/// What some operations refer to, without repetitions.
#[derive(Debug, Default)]
pub(super) struct ReachableParts {
    pub(super) lints: Vec<Lint>,
    pub(super) schemas: Vec<String>,
    pub(super) outermost: Vec<String>,
    pub(super) examples: BTreeSet<(String, String)>,
}

impl ReachableParts {
    /// Adds what one operation refers to.
    pub(super) fn add(&mut self, inspection: Inspection) {
        for lint in inspection.lints {
            if !self.lints.contains(&lint) {
                self.lints.push(lint);
            }
        }
        for schema in inspection.schemas {
            if schema.outermost {
                self.outermost.push(schema.pointer.clone());
            }
            self.schemas.push(schema.pointer);
        }
        self.examples.extend(inspection.examples);
    }

    /// Removes repetitions of schemas that several operations share.
    pub(super) fn finish(&mut self) {
        for list in [&mut self.schemas, &mut self.outermost] {
            list.sort_unstable();
            list.dedup();
        }
    }
}
