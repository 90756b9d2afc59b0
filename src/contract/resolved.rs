//! The contract itself.

use super::{
    Catalogue, ContractError, Endpoint, MissingOperation, Operation, Rule, codes,
    lints::Linter,
    patterns::UnusedPatterns,
    read::{self, FoundOperation, OperationReader, ReachableParts},
};
use crate::document::{Document, InspectedOperation, Lint, Position, pointer};
use http::Method;
use std::{collections::BTreeSet, sync::Arc};

/// The operations of a document and the rules of a catalogue.
#[derive(Debug)]
pub struct Contract {
    document: Arc<Document>,
    rules: Catalogue,
    operations: Vec<Operation>,
    /// Indices into `operations`, in the order of [`Endpoint::ALL`].
    endpoints: [usize; 6],
    known_codes: BTreeSet<String>,
    lints: Vec<Lint>,
    base_path: String,
}

impl Contract {
    /// Creates a contract. The six operations must exist and be valid; another invalid operation is only a lint.
    pub fn from_document(document: Document, rules: Catalogue) -> Result<Contract, ContractError> {
        let document = Arc::new(document);
        let (found, mut lints) = read::find(&document);
        let endpoints = read::endpoints(&found);
        let missing = missing(&document, &found, &endpoints);
        if !missing.is_empty() {
            let (file, position) = (document.name().to_owned(), document.position("/paths"));
            return Err(ContractError::Missing { file, position, missing });
        }
        let (readable, own, others) = inspect(&document, &found, &endpoints, &mut lints)?;
        let unused = UnusedPatterns::of(&document, own.schemas.iter().chain(&others.schemas));
        let dropped = Arc::new(unused.places);
        let names = codes::property_names(&document, own.schemas.iter().chain(&others.schemas));
        // Only schemas of the six operations are used for certain; others are compiled when needed.
        let schemas = own.prepared(&document, &dropped);
        for schema in &own.outermost {
            schemas.compile(schema)?;
        }
        let of_others = OperationReader {
            document: Arc::clone(&document),
            schemas: others.prepared(&document, &dropped),
            names: names.clone(),
        };
        let reader = OperationReader { schemas: Arc::clone(&schemas), ..of_others.clone() };
        let version = version_prefix(&found, &endpoints);
        let mut operations = Vec::with_capacity(readable.len());
        for index in readable {
            let reader = if endpoints[index].is_some() { &reader } else { &of_others };
            match reader.operation(&found[index], endpoints[index]) {
                Ok(operation) => operations.push(below(operation, &version)),
                Err(error) if endpoints[index].is_some() => return Err(error.into()),
                Err(error) => lints.push(unreadable(&document, &found[index], &error.sentence())),
            }
        }
        let place = |endpoint| operations.iter().position(|operation| operation.endpoint == Some(endpoint));
        let places = Endpoint::ALL.map(|endpoint| place(endpoint).expect("a missing operation is an error above"));
        let list = &operations[places[0]];
        let item = found.iter().find(|found| found.pointer == list.pointer).map_or("", |found| found.item.as_str());
        let base_path = read::base_path(&document, item, &list.pointer) + &version;
        lints.extend(own.lints.iter().cloned());
        lints.extend(unused.lints.into_iter().filter(|lint| {
            pointer::parent(&lint.pointer).is_some_and(|schema| own.schemas.iter().any(|place| place == schema))
        }));
        let linter = Linter { document: &document, schemas: &schemas, names: &names, lints };
        let lints = linter.run(&operations, &found, &own);
        let known_codes = known_codes(&document, &operations, &names);
        Ok(Contract { document, rules, operations, endpoints: places, known_codes, lints, base_path })
    }

    /// The contract that is part of the binary.
    pub fn embedded() -> Contract {
        Contract::from_document(Document::embedded(), Catalogue::embedded())
            .expect("a test creates the embedded contract")
    }

    /// One of the six operations.
    pub fn operation(&self, which: Endpoint) -> &Operation {
        let index = Endpoint::ALL.iter().position(|endpoint| *endpoint == which).expect("ALL has every endpoint");
        &self.operations[self.endpoints[index]]
    }

    /// Every valid operation of the document, sorted by path.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation of a request, by its method and its path as sent, with or without base path and query. `None` when
    /// it is none of the six.
    pub fn endpoint_of(&self, method: &Method, path: &str) -> Option<Endpoint> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let below = path.strip_prefix(self.base_path.as_str()).filter(|rest| rest.starts_with('/'));
        let matches = |path: &str| {
            let operations = Endpoint::ALL.iter().map(|endpoint| self.operation(*endpoint));
            operations
                .filter(|operation| operation.method == *method)
                .find(|operation| is_path_of(&operation.path, path))
        };
        below.and_then(matches).or_else(|| matches(path))?.endpoint
    }

    /// The rules.
    pub fn rules(&self) -> &Catalogue {
        &self.rules
    }

    /// The document.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The place of a rule in the document: pointer and position. A rule without a place in this document is shown at
    /// its first operation; `None` when it has none.
    pub fn place_of(&self, rule: &Rule) -> Option<(String, Position)> {
        let written = rule.at.clone().filter(|at| self.document.value().pointer(at).is_some());
        let pointer =
            written.or_else(|| rule.operations.first().map(|first| self.operation(*first).pointer.clone()))?;
        let position = self.document.position(&pointer);
        Some((pointer, position))
    }

    /// Every typed code that the document lists for the six operations, including the prose of the error schema.
    pub fn known_codes(&self) -> &BTreeSet<String> {
        &self.known_codes
    }

    /// Hash of the text of the document: 16 hexadecimal digits (FNV-1a, 64 bits).
    pub fn digest(&self) -> String {
        let start = 0xcbf2_9ce4_8422_2325_u64;
        let hash = self
            .document
            .text()
            .bytes()
            .fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// The lints of the document, sorted by place.
    pub fn lints(&self) -> &[Lint] {
        &self.lints
    }

    /// The path of the first server of the list operation, and what all paths of the six operations begin with, such as
    /// `/v4`, without a trailing slash; empty for the root.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }
}

/// Validates every operation. Returns the indexes of the valid ones, what the six refer to, and what the others refer to.
fn inspect(
    document: &Document,
    found: &[FoundOperation],
    endpoints: &[Option<Endpoint>],
    lints: &mut Vec<Lint>,
) -> Result<(Vec<usize>, ReachableParts, ReachableParts), ContractError> {
    let mut inspector = document.inspector();
    let inspected: Vec<_> =
        found.iter().map(|operation| inspector.operation(&operation.item, &operation.pointer)).collect();
    let (mut readable, mut own, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (index, operation) in found.iter().enumerate() {
        let first = inspector.errors(inspected[index]).into_iter().min_by_key(|error| error.position);
        match (first, endpoints[index]) {
            (Some(error), Some(_)) => return Err(error.into()),
            (Some(error), None) => lints.push(unreadable(document, operation, &error.sentence())),
            (None, endpoint) => {
                readable.push(index);
                if endpoint.is_some() { &mut own } else { &mut others }.push(inspected[index]);
            }
        }
    }
    let parts = |operations: &[InspectedOperation]| ReachableParts::of(inspector.found(operations));
    Ok((readable, parts(&own), parts(&others)))
}

/// What the paths begin with before the resource: `/v4` if the list is at `/v4/offerings`. The base path of a target
/// ends with it.
fn version_prefix(found: &[FoundOperation], endpoints: &[Option<Endpoint>]) -> String {
    let list = found.iter().zip(endpoints).find(|(_, endpoint)| **endpoint == Some(Endpoint::List));
    let path = list.map_or("", |(found, _)| found.path.trim_end_matches('/'));
    path.strip_suffix(Endpoint::List.path()).unwrap_or_default().to_owned()
}

/// The operation with its path below a prefix, if it is.
fn below(operation: Operation, prefix: &str) -> Operation {
    match operation.path.strip_prefix(prefix).filter(|path| path.starts_with('/')).map(str::to_owned) {
        Some(path) => Operation { path, ..operation },
        None => operation,
    }
}

fn unreadable(document: &Document, operation: &FoundOperation, reason: &str) -> Lint {
    let message = format!("{} {} cannot be read and is ignored: {reason}", operation.method, operation.path);
    document.lint("document.unreadable-operation", &operation.pointer, message)
}

/// Which of the six are missing, with hints.
fn missing(document: &Document, found: &[FoundOperation], endpoints: &[Option<Endpoint>]) -> Vec<MissingOperation> {
    let lacking = Endpoint::ALL.into_iter().filter(|endpoint| !endpoints.contains(&Some(*endpoint)));
    lacking.map(|endpoint| MissingOperation { endpoint, hint: hint(document, found, endpoint) }).collect()
}

fn hint(document: &Document, found: &[FoundOperation], endpoint: Endpoint) -> Option<String> {
    let method = endpoint.method().to_string().to_lowercase();
    let is_shape = |path: &str| Endpoint::of_shape(&endpoint.method(), path) == Some(endpoint);
    for (path, item) in document.paths() {
        let place = pointer::join("/paths", path);
        let Position { line, column } = document.position(&place);
        if !path.starts_with('/') && is_shape(&format!("/{path}")) && item.get(&method).is_some() {
            return Some(format!("`{path}` at {line}:{column} does not begin with a slash"));
        }
        if is_shape(path) && document.resolve(&place).is_none() {
            return Some(format!("the reference at {line}:{column} cannot be resolved"));
        }
        // OpenAPI requires method names in lower case.
        let spelled = item
            .as_object()
            .into_iter()
            .flatten()
            .find(|(key, _)| key.as_str() != method && key.eq_ignore_ascii_case(&method));
        if let Some((key, _)) = spelled.filter(|_| is_shape(path)) {
            let Position { line, column } = document.position(&pointer::join(&place, key));
            return Some(format!("`{key}` at {line}:{column} must be written `{method}`"));
        }
    }
    let ids = found.iter().filter_map(|operation| operation.id.as_deref());
    let ids = ids.filter(|id| Endpoint::of_id(id).is_none());
    crate::document::nearest(endpoint.operation_id(), ids).map(|near| format!("similar: `{near}`"))
}

/// The codes of the six operations: those of their responses and those of the error schema.
fn known_codes(document: &Document, operations: &[Operation], names: &BTreeSet<String>) -> BTreeSet<String> {
    let ours = operations.iter().filter(|operation| operation.endpoint.is_some());
    let mut codes = BTreeSet::new();
    for response in ours.flat_map(|operation| &operation.responses) {
        codes.extend(response.codes.iter().cloned());
        let described = response.json().and_then(|schema| codes::described(document, schema.pointer()));
        codes.extend(described.map(|text| codes::in_prose(text, names)).unwrap_or_default());
    }
    codes
}

/// Whether a path as sent matches a template: a parameter matches any segment that is not empty.
fn is_path_of(template: &str, path: &str) -> bool {
    let mut segments = path.trim_matches('/').split('/');
    let matches = template.trim_matches('/').split('/').all(|expected| {
        let is_parameter = expected.starts_with('{') && expected.ends_with('}');
        segments.next().is_some_and(|segment| segment == expected || is_parameter && !segment.is_empty())
    });
    matches && segments.next().is_none()
}
