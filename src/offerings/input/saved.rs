//! Inputs as they are saved, so that another run can send them again.

use super::inputs::{Input, Inputs, Origin, Part, ValueClass, parts};
use super::template::{ID, InputBody, InputSubject, RequestTemplate};
use super::{Preserve, SuggestedId};
use crate::contract::{Contract, Endpoint, Operation};
use crate::exchange::OperationRef;
use crate::generate::Validity;
use http::Method;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

/// Saved inputs of one operation, in order. They are complete, so restoring them needs no seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedInputs {
    operation: String,
    inputs: Vec<SavedInput>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedInput {
    number: usize,
    #[serde(rename = "what")]
    description: String,
    #[serde(rename = "recipe")]
    template: RequestTemplate,
    // Fields of older files; the oracle knows the expected response.
    #[serde(default, skip_serializing, rename = "expectation")]
    _expectation: IgnoredAny,
    #[serde(default, skip_serializing, rename = "rule")]
    _rule: IgnoredAny,
    /// Whether the response is not compared with the documented responses of the operation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    outside: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<(Part, Validity)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    random: Option<u64>,
}

/// The reason why saved inputs do not fit this contract.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum OutdatedInputs {
    /// The document has no such operation.
    #[error("the document has no operation `{0}`")]
    Operation(String),
    /// The operation has no such parameter or body.
    #[error("`{0}` no longer has the parameter or body of a saved input")]
    Part(String),
    /// A request that this program does not generate: the file was changed.
    #[error("no generated request of `{0}` has this method, path, header or number")]
    Request(String),
    /// A run never saves so many requests: the file was changed.
    #[error("it has {0} requests, at most {MAX_INPUTS} are read")]
    Count(usize),
    /// An invalid value is valid now, or a valid one invalid.
    #[error("the document now classifies the value differently: {0}")]
    Class(String),
}

impl SavedInputs {
    /// Saves these inputs of one operation.
    pub fn of(inputs: &Inputs, list: &[Input]) -> SavedInputs {
        let one = |input: &Input| SavedInput {
            number: input.number,
            description: input.description.clone(),
            template: input.template.clone(),
            _expectation: IgnoredAny,
            _rule: IgnoredAny,
            outside: input.operation == OperationRef::None,
            class: input.class.as_ref().map(|class| (class.part.clone(), class.validity.clone())),
            random: match input.origin {
                Origin::Random(case) => Some(case),
                Origin::Limit | Origin::Unusual => None,
            },
        };
        SavedInputs { operation: inputs.id.clone(), inputs: list.iter().map(one).collect() }
    }

    /// The id of the operation.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Restores the inputs.
    ///
    /// # Errors
    /// [`OutdatedInputs`] when the contract no longer has the operation or part, or classifies a value differently.
    pub fn restore(&self, contract: &Contract) -> Result<Inputs, OutdatedInputs> {
        let operation = contract.operations().iter().find(|operation| operation.id == self.operation);
        let operation = operation.ok_or_else(|| OutdatedInputs::Operation(self.operation.clone()))?;
        let reference = match operation.endpoint {
            Some(endpoint) => OperationRef::Offerings(endpoint),
            None => OperationRef::Other(operation.id.as_str().into()),
        };
        let is_known = |one: &SavedInput| is_generated(&one.template, operation);
        if self.inputs.len() > MAX_INPUTS {
            return Err(OutdatedInputs::Count(self.inputs.len()));
        }
        if !self.inputs.iter().all(is_known) {
            return Err(OutdatedInputs::Request(self.operation.clone()));
        }
        let parts = parts(operation);
        let restore = |one: &SavedInput| {
            let class = match &one.class {
                None => None,
                Some((part, validity)) => {
                    let entry = parts.iter().find(|(known, _)| known == part);
                    let (_, schema) = entry.ok_or_else(|| OutdatedInputs::Part(self.operation.clone()))?;
                    Some(ValueClass { part: part.clone(), schema: schema.clone(), validity: validity.clone() })
                }
            };
            let input = Input {
                number: one.number,
                operation: if one.outside { OperationRef::None } else { reference.clone() },
                description: one.description.clone(),
                template: one.template.clone(),
                side: None,
                covers: None,
                origin: one.random.map_or(Origin::Limit, Origin::Random),
                class,
            };
            if input.is_of_its_class() { Ok(input) } else { Err(OutdatedInputs::Class(one.description.clone())) }
        };
        let list = self.inputs.iter().map(restore).collect::<Result<Vec<_>, _>>()?;
        Ok(Inputs {
            operation: reference,
            id: operation.id.clone(),
            list,
            facets: Vec::new(),
            unsatisfiable: Vec::new(),
            obstacle: None,
        })
    }
}

/// The most inputs of a case: a batch and what caused its failure.
const MAX_INPUTS: usize = 10_000;

/// The most offerings that an input may need.
const MAX_OFFERINGS: usize = 500;

/// The headers of generated requests.
const HEADERS: [&str; 4] = ["accept", "authorization", "content-type", "idempotency-key"];

/// Whether a template is of a kind that is generated. A saved one may come from a report that someone else wrote, and must
/// not reach another path, another key, or an offering that the case did not create.
pub(super) fn is_generated(template: &RequestTemplate, operation: &Operation) -> bool {
    let paths = [Endpoint::List.path(), Endpoint::Get.path(), Endpoint::SetMain.path()];
    let is_own = template.method == operation.method && fits(&template.path, operation);
    // Methods that the document does not define for a path.
    let is_undefined = !matches!(template.method, Method::POST | Method::PATCH | Method::DELETE)
        && matches!(template.subject, InputSubject::None | InputSubject::Missing(_))
        && paths.contains(&template.path.as_str());
    let is_target = is_own || is_undefined;
    let is_declared = |name: &str| operation.parameters.iter().any(|known| known.name.eq_ignore_ascii_case(name));
    let is_header = |(name, value): &(String, String)| {
        let is_named =
            HEADERS.contains(&name.as_str()) || is_declared(name) || name == "cookie" && operation.endpoint.is_none();
        is_named && !value.contains("$QONFORM_")
    };
    is_target
        && template.headers.iter().all(is_header)
        && template.neighbour.as_ref().is_none_or(|id| id.contains(ID))
        && match &template.subject {
            InputSubject::AtLeast(count) => *count <= MAX_OFFERINGS,
            InputSubject::Segment(segment) => template.method == Method::GET || !has_dots(segment),
            _ => true,
        }
}

/// Whether a path is that of the operation. The parameters of operations outside the resource are filled in.
fn fits(path: &str, operation: &Operation) -> bool {
    if operation.endpoint.is_some() {
        return path == operation.path;
    }
    let (parts, wanted): (Vec<_>, Vec<_>) = (path.split('/').collect(), operation.path.split('/').collect());
    let is_part = |(part, wanted): (&&str, &&str)| part == wanted || wanted.contains('{') && !has_dots(part);
    parts.len() == wanted.len() && parts.iter().zip(&wanted).all(is_part) && !path.contains(['?', '#'])
}

/// Whether a server or a proxy may take a part of a segment for this or the parent directory.
fn has_dots(segment: &str) -> bool {
    let mut decoded = segment.to_owned();
    for _ in 0..3 {
        decoded = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
    }
    decoded.split(['/', '\\']).any(|part| matches!(part, "." | ".."))
}

impl Input {
    /// Whether the value is of its class, as far as it is known before ids are assigned.
    pub(super) fn is_of_its_class(&self) -> bool {
        let Some(ValueClass { schema, validity, .. }) = &self.class else { return true };
        match (&self.template.content, &self.template.subject) {
            (_, InputSubject::Invalid { name: SuggestedId { text: Some(text), .. }, .. }) => {
                schema.is(validity, &Value::from(text.as_str()))
            }
            (InputBody::Json(value, preserve), InputSubject::None | InputSubject::Shared | InputSubject::Main) => {
                let mut value = value.clone();
                if *preserve == Some(Preserve::Whole) {
                    value["id"] = json!("a");
                }
                schema.is(validity, &value)
            }
            _ => true,
        }
    }

    /// Method, path and body in one line for reports: `POST /offerings {"id":"a/b"}`.
    pub fn sketch(&self) -> String {
        let RequestTemplate { method, path, subject, query, content, .. } = &self.template;
        let path = match subject {
            InputSubject::Invalid { name: SuggestedId { text: Some(text), .. }, .. }
            | InputSubject::Existing(SuggestedId { text: Some(text), .. }, _)
            | InputSubject::Missing(SuggestedId { text: Some(text), .. }) => {
                path.replace("{offering_id}", &crate::exchange::encode_segment(text))
            }
            _ => path.clone(),
        };
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let body = match content {
            InputBody::None => String::new(),
            InputBody::Json(value, _) => format!(" {value}"),
            InputBody::Text { text, .. } => format!(" {text}"),
        };
        format!("{method} {path}{query}{body}")
    }
}
