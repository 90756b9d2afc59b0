//! Reads the operations of a document.

use super::{
    DocumentedResponse, Endpoint, Header, Operation, Parameter, ParameterPlace, RequestBody, codes,
    operation::is_form,
    schema::{SchemaParts, SchemaRef, Schemas},
};
use crate::document::{Document, DocumentError, Inspection, Lint, PLACE, pointer};
use http::Method;
use openapiv3::{Content, ParameterSchemaOrContent, ReferenceOr, StatusCode};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

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
#[derive(Clone)]
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
        let typed = self.document.operation(&found.item, &found.pointer)?;
        let method = found.method.clone();
        let parameters = self.parameters(typed.parameters);
        let mut names = self.names.clone();
        names.extend(parameters.iter().map(|parameter| parameter.name.clone()));
        let mut responses = typed.responses;
        responses.responses.sort_keys();
        let by_status = responses.responses.into_iter().map(|(status, response)| (Some(status), response));
        let responses = by_status
            .chain(responses.default.map(|response| (None, response)))
            .filter_map(|(status, response)| Some(self.response(found, status, &response.into_item()?, &names)))
            .collect();
        Ok(Operation {
            id: found.id.clone().unwrap_or_else(|| format!("{method} {}", found.path)),
            endpoint,
            path: found.path.clone(),
            body: typed.request_body.and_then(ReferenceOr::into_item).map(|body| self.body(&body)),
            responses,
            security: typed.security.into_iter().flatten().map(|schemes| schemes.into_keys().collect()).collect(),
            tags: typed.tags,
            pointer: found.pointer.clone(),
            parameters,
            method,
        })
    }

    /// The operation's own parameters, then those of its path that it does not replace.
    fn parameters(&self, written: Vec<ReferenceOr<openapiv3::Parameter>>) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        for parameter in written.into_iter().filter_map(ReferenceOr::into_item) {
            let parameter = self.parameter(parameter);
            let same = |other: &Parameter| {
                other.place == parameter.place && other.place.same_name(&other.name, &parameter.name)
            };
            if !is_ignored(&parameter) && !parameters.iter().any(same) {
                parameters.push(parameter);
            }
        }
        parameters
    }

    fn parameter(&self, typed: openapiv3::Parameter) -> Parameter {
        let place = ParameterPlace::of(&typed);
        let data = typed.parameter_data_ref();
        let pointer = place_of(data.extensions.get(PLACE));
        let (media, schema) = self.format(&data.format, &pointer);
        let example = || data.examples.first()?.1.as_item()?.value.clone();
        Parameter {
            name: data.name.clone(),
            place,
            required: data.required || place == ParameterPlace::Path,
            schema,
            explode: data.explode.unwrap_or(is_form(&typed)),
            media,
            example: data.example.clone().or_else(example),
            pointer,
            typed,
        }
    }

    fn body(&self, written: &openapiv3::RequestBody) -> RequestBody {
        let pointer = place_of(written.extensions.get(PLACE));
        RequestBody { required: written.required, media: self.media(&written.content, &pointer), pointer }
    }

    fn response(
        &self,
        found: &FoundOperation,
        status: Option<StatusCode>,
        written: &openapiv3::Response,
        names: &BTreeSet<String>,
    ) -> DocumentedResponse {
        let pointer = place_of(written.extensions.get(PLACE));
        let codes = codes::listed(written.extensions.get(codes::EXTENSION));
        let headers = written.headers.iter().filter_map(|(name, header)| Some(self.header(name, header.as_item()?)));
        let mut response = DocumentedResponse {
            status,
            codes: codes.unwrap_or_else(|| codes::in_prose(&written.description, names)),
            media: self.media(&written.content, &pointer),
            headers: headers.collect(),
            written_at: String::new(),
            pointer,
        };
        response.written_at = format!("{}/responses/{}", found.pointer, response.key());
        response
    }

    fn header(&self, name: &str, written: &openapiv3::Header) -> Header {
        let pointer = place_of(written.extensions.get(PLACE));
        let (media, schema) = self.format(&written.format, &pointer);
        Header { name: name.to_owned(), required: written.required, schema, media, pointer }
    }

    fn media(&self, content: &Content, owner: &str) -> Vec<(String, SchemaRef)> {
        let place = |name| format!("{owner}/content/{}/schema", pointer::escape(name));
        content.keys().map(|name| (name.clone(), self.schemas.at(&place(name)))).collect()
    }

    /// The schema of a parameter or header, and the media type that it is under, if it is.
    fn format(&self, format: &ParameterSchemaOrContent, owner: &str) -> (Option<String>, SchemaRef) {
        let media = match format {
            ParameterSchemaOrContent::Content(content) => self.media(content, owner).into_iter().next(),
            ParameterSchemaOrContent::Schema(_) => None,
        };
        media.map_or_else(
            || (None, self.schemas.at(&pointer::join(owner, "schema"))),
            |(media, schema)| (Some(media), schema),
        )
    }
}

/// The pointer in the extension [`PLACE`] of an object.
fn place_of(extension: Option<&Value>) -> String {
    extension.and_then(Value::as_str).unwrap_or_default().to_owned()
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
#[derive(Debug)]
pub(super) struct ReachableParts {
    pub(super) lints: Vec<Lint>,
    pub(super) schemas: Vec<String>,
    pub(super) outermost: Vec<String>,
    pub(super) examples: BTreeSet<(String, String)>,
}

impl ReachableParts {
    pub(super) fn of(inspection: Inspection) -> Self {
        let Inspection { errors: _, lints, schemas, examples } = inspection;
        let outermost = schemas.iter().filter(|schema| schema.outermost).map(|schema| schema.pointer.clone());
        let mut outermost: Vec<String> = outermost.collect();
        let mut schemas: Vec<String> = schemas.into_iter().map(|schema| schema.pointer).collect();
        for list in [&mut schemas, &mut outermost] {
            list.sort_unstable();
            list.dedup();
        }
        Self { lints, schemas, outermost, examples: examples.into_iter().collect() }
    }

    /// Its schemas for validation, without patterns that are not used.
    pub(super) fn prepared(&self, document: &Arc<Document>, dropped: &Arc<HashSet<String>>) -> Arc<Schemas> {
        let has_flag = |schema: &Value| ["readOnly", "writeOnly"].iter().any(|flag| schema.get(flag).is_some());
        let has_directions = self.schemas.iter().any(|place| document.value().pointer(place).is_some_and(has_flag));
        let parts = SchemaParts { outermost: self.outermost.clone(), dropped: Arc::clone(dropped), has_directions };
        Schemas::new(Arc::clone(document), parts)
    }
}
