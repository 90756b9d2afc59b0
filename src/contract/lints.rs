//! Lints of the document itself.

use super::{
    DocumentedResponse, Endpoint, Operation, ParameterPlace,
    codes::{self, EXTENSION},
    meaning,
    read::{FoundOperation, ReachableParts},
    schema::{Direction, SchemaRef, Schemas},
};
use crate::document::{Document, Lint, pointer};
use openapiv3::StatusCode;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

/// Checks the six operations and what they refer to.
pub(super) struct Linter<'a> {
    pub(super) document: &'a Document,
    pub(super) schemas: &'a Arc<Schemas>,
    pub(super) names: &'a BTreeSet<String>,
    pub(super) lints: Vec<Lint>,
}

impl Linter<'_> {
    /// All lints, sorted by place.
    pub(super) fn run(
        mut self,
        operations: &[Operation],
        found: &[FoundOperation],
        reachable: &ReachableParts,
    ) -> Vec<Lint> {
        for operation in operations.iter().filter(|operation| operation.endpoint.is_some()) {
            self.tags(operation);
            self.identity(operation, found);
            self.security(operation);
            self.path_parameters(operation);
            self.statuses(operation);
            self.bodies(operation);
            self.codes(operation);
            self.undescribed(operation);
        }
        self.duplicate_ids(found);
        self.examples(reachable);
        self.lints.extend(meaning::lints(self.document, self.schemas, &reachable.schemas));
        self.lints.sort_by(|a, b| (a.position, a.id, &a.pointer).cmp(&(b.position, b.id, &b.pointer)));
        self.lints.dedup();
        self.lints
    }

    fn add(&mut self, id: &'static str, at: &str, message: String) {
        self.lints.push(self.document.lint(id, at, message));
    }

    fn tags(&mut self, operation: &Operation) {
        let declared = self.document.value().get("tags").and_then(Value::as_array);
        let declared: Vec<&str> =
            declared.into_iter().flatten().filter_map(|tag| tag.get("name").and_then(Value::as_str)).collect();
        for (index, tag) in operation.tags.iter().enumerate() {
            if !declared.contains(&tag.as_str()) {
                let message = format!("`{}` has the tag `{tag}`, which the document does not declare", operation.id);
                self.add("document.undeclared-tag", &format!("{}/tags/{index}", operation.pointer), message);
            }
        }
    }

    fn identity(&mut self, operation: &Operation, found: &[FoundOperation]) {
        let Some(endpoint) = operation.endpoint else { return };
        match found.iter().find(|found| found.pointer == operation.pointer).and_then(|found| found.id.as_deref()) {
            None => {
                let message =
                    format!("the operation has no `operationId`; its method and path identify it as `{endpoint}`");
                self.add("document.no-operation-id", &operation.pointer, message);
            }
            Some(id) if id != endpoint.operation_id() => {
                let message = format!("`{id}` is treated as `{endpoint}` because of its method and path");
                self.add("document.other-operation-id", &pointer::join(&operation.pointer, "operationId"), message);
            }
            Some(_) => {}
        }
        if Endpoint::of_shape(&operation.method, &operation.path) != Some(endpoint) {
            let message = format!(
                "`{endpoint}` is {} {} here, and {} {} on the published pages",
                operation.method,
                operation.path,
                endpoint.method(),
                endpoint.path()
            );
            self.add("document.other-place", &operation.pointer, message);
        }
    }

    fn duplicate_ids(&mut self, found: &[FoundOperation]) {
        let mut seen = HashSet::new();
        for operation in found {
            if let Some(id) = operation.id.as_deref().filter(|id| !seen.insert(*id)) {
                let message = format!("the operation id `{id}` is used twice; the first operation by path has it");
                self.add("document.duplicate-operation-id", &pointer::join(&operation.pointer, "operationId"), message);
            }
        }
    }

    fn security(&mut self, operation: &Operation) {
        let declared = self.document.value().pointer("/components/securitySchemes");
        let unknown = operation.security.iter().flatten().find(|name| declared.and_then(|all| all.get(name)).is_none());
        if let Some(name) = unknown {
            let message =
                format!("`{}` needs the security scheme `{name}`, which the document does not declare", operation.id);
            self.add("document.undeclared-security", &operation.pointer, message);
        }
    }

    fn path_parameters(&mut self, operation: &Operation) {
        for name in operation.path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name) {
            let Some(parameter) = operation.parameter(ParameterPlace::Path, name) else {
                let message = format!("the path has a parameter `{name}` that `{}` does not describe", operation.id);
                self.add("document.undescribed-parameter", &operation.pointer, message);
                continue;
            };
            let accepts = |value: &str| parameter.schema.is_valid(Direction::Request, &Value::from(value));
            if accepts(".") && accepts("..") {
                let message = format!(
                    "`{name}` may be `.` or `..`; most clients remove these from a path, so they cannot be addressed"
                );
                self.add("document.dot-id", &parameter.schema.resolved().0, message);
            }
        }
    }

    fn statuses(&mut self, operation: &Operation) {
        let documents = |status: u16| {
            operation.responses.iter().any(|response| response.status.is_some() && response.covers(status))
        };
        let missing: Vec<&str> = [(403, "403"), (429, "429")]
            .into_iter()
            .filter(|(status, _)| !documents(*status))
            .map(|(_, name)| name)
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "`{}` does not document {}, which any operation may return",
                operation.id,
                missing.join(" and ")
            );
            self.add("document.undocumented-status", &pointer::join(&operation.pointer, "responses"), message);
        }
    }

    /// Successful responses, except 204 and 205, without a schema to check their body.
    fn bodies(&mut self, operation: &Operation) {
        for response in operation.responses.iter().filter(|response| is_success(response)) {
            let described = response.json().is_some_and(|schema| !schema.raw().is_null());
            if !described && !matches!(response.status, Some(StatusCode::Code(204 | 205))) {
                let message = format!("`{}` does not describe the body of its {}", operation.id, response.key());
                self.add("document.undescribed-body", &response.pointer, message);
            }
        }
    }

    fn codes(&mut self, operation: &Operation) {
        for response in &operation.responses {
            let extension = pointer::join(&response.pointer, EXTENSION);
            let value = self.document.value().pointer(&extension);
            let listed = value.is_some();
            if listed && codes::listed(value).is_none() {
                let message = format!("`{EXTENSION}` must be a list of codes; it is ignored");
                self.add("document.codes-no-list", &extension, message);
            }
            if !listed && !response.codes.is_empty() {
                let message = format!("the typed codes {} are listed only in prose", quoted(&response.codes));
                self.add("document.codes-in-prose", &pointer::join(&response.pointer, "description"), message);
            }
            let Some(schema) = response.json() else { continue };
            let Some(text) = codes::described(self.document, schema.pointer()) else { continue };
            let described = codes::in_prose(text, self.names);
            if !described.is_empty() && !listed {
                let error = self.document.resolve(&format!("{}/properties/error/properties/code", schema.resolved().0));
                let at =
                    error.map_or_else(|| schema.pointer().to_owned(), |(code, _)| pointer::join(&code, "description"));
                let message = format!(
                    "{} typed codes are listed only in the prose of the error schema, not at their responses",
                    described.len()
                );
                self.add("document.codes-in-prose", &at, message);
            }
        }
    }

    /// Optional properties of a successful response without a description.
    fn undescribed(&mut self, operation: &Operation) {
        for schema in
            operation.responses.iter().filter(|response| is_success(response)).filter_map(|response| response.json())
        {
            let (place, value) = schema.resolved();
            let required = value.get("required").and_then(Value::as_array);
            let Some(properties) = value.get("properties").and_then(Value::as_object) else { continue };
            let names: Vec<String> = properties
                .keys()
                .filter(|name| required.is_none_or(|required| !required.iter().any(|entry| entry == name.as_str())))
                .cloned()
                .collect();
            for name in names {
                let at = pointer::join(&pointer::join(&place, "properties"), &name);
                let described =
                    self.document.resolve(&at).is_some_and(|(_, property)| property.get("description").is_some());
                if !described {
                    let message = format!("the optional property `{name}` has no description");
                    self.add("document.undescribed-property", &at, message);
                }
            }
        }
    }

    fn examples(&mut self, reachable: &ReachableParts) {
        let own = reachable.schemas.iter().map(|schema| (pointer::join(schema, "example"), schema.clone()));
        for (example, schema) in own.chain(reachable.examples.iter().cloned()) {
            let Some(value) = self.document.value().pointer(&example) else { continue };
            let schema = self.schemas.at(&schema);
            // An example has no direction, so it is wrong only when it is wrong in both.
            let errors = error_in_both_directions(&schema, value);
            if let Some(error) = errors {
                self.add("document.invalid-example", &example, format!("the example is not valid: {error}"));
            }
            for property in schema.undocumented(value) {
                let message = format!("the example has `{}`, which its schema does not list", pointer::last(&property));
                self.add("document.example-beyond-schema", &format!("{example}{property}"), message);
            }
        }
    }
}

/// How a value violates a schema in both directions, or `None`.
fn error_in_both_directions(schema: &SchemaRef, value: &Value) -> Option<String> {
    let first = |direction| schema.validate(direction, value).into_iter().next();
    let response = first(Direction::Response)?;
    first(Direction::Request).map(|_| response.to_string())
}

fn is_success(response: &DocumentedResponse) -> bool {
    matches!(response.status, Some(StatusCode::Code(200..=299) | StatusCode::Range(2)))
}

fn quoted(codes: &[String]) -> String {
    codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ")
}
