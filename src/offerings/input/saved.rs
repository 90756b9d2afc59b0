//! Inputs as they are written down, so that another run can send just these again.

use super::inputs::{Input, Inputs, Origin, Part, ValueClass, slots};
use super::recipe::{InputBody, InputSubject, Recipe};
use super::{Name, Preserve};
use crate::contract::Contract;
use crate::exchange::OperationRef;
use crate::generate::Validity;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

/// Inputs of one operation, one after the other. They need no seed: they are whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedInputs {
    operation: String,
    inputs: Vec<One>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    number: usize,
    what: String,
    recipe: Recipe,
    /// What older files expect of the response; the oracle knows it.
    #[serde(default, skip_serializing, rename = "expectation")]
    _expectation: IgnoredAny,
    #[serde(default, skip_serializing, rename = "rule")]
    _rule: IgnoredAny,
    /// Whether the response is not compared with what the document says of the operation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    outside: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<(Part, Validity)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    random: Option<u64>,
}

/// Why inputs that were written down mean nothing to this contract.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum OutdatedInputs {
    /// The operation is gone.
    #[error("the document has no operation `{0}`")]
    Operation(String),
    /// The parameter or body is gone.
    #[error("`{0}` has no such parameter or body any more")]
    Part(String),
    /// What was broken is valid now, or the other way round.
    #[error("the document says otherwise now of the value in: {0}")]
    Class(String),
}

impl SavedInputs {
    /// These inputs, written down.
    pub fn of(inputs: &Inputs, list: &[Input]) -> SavedInputs {
        let one = |input: &Input| One {
            number: input.number,
            what: input.what.clone(),
            recipe: input.recipe.clone(),
            _expectation: IgnoredAny,
            _rule: IgnoredAny,
            outside: input.operation == OperationRef::None,
            class: input.kept.as_ref().map(|class| (class.part.clone(), class.validity.clone())),
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

    /// The inputs again.
    ///
    /// # Errors
    /// [`OutdatedInputs`] when the contract does not know the operation or the value as what it was.
    pub fn restore(&self, contract: &Contract) -> Result<Inputs, OutdatedInputs> {
        let operation = contract.operations().iter().find(|operation| operation.id == self.operation);
        let operation = operation.ok_or_else(|| OutdatedInputs::Operation(self.operation.clone()))?;
        let reference = match operation.endpoint {
            Some(endpoint) => OperationRef::Offerings(endpoint),
            None => OperationRef::Other(operation.id.as_str().into()),
        };
        let slots = slots(operation);
        let restore = |one: &One| {
            let kept = match &one.class {
                None => None,
                Some((part, validity)) => {
                    let slot = slots.iter().find(|(known, _)| known == part);
                    let (_, schema) = slot.ok_or_else(|| OutdatedInputs::Part(self.operation.clone()))?;
                    Some(ValueClass { part: part.clone(), schema: schema.clone(), validity: validity.clone() })
                }
            };
            let input = Input {
                number: one.number,
                operation: if one.outside { OperationRef::None } else { reference.clone() },
                what: one.what.clone(),
                recipe: one.recipe.clone(),
                side: None,
                shown: None,
                origin: one.random.map_or(Origin::Limit, Origin::Random),
                kept,
            };
            if input.is_of_its_class() { Ok(input) } else { Err(OutdatedInputs::Class(one.what.clone())) }
        };
        let list = self.inputs.iter().map(restore).collect::<Result<Vec<_>, _>>()?;
        Ok(Inputs {
            operation: reference,
            id: operation.id.clone(),
            list,
            facets: Vec::new(),
            unsatisfiable: Vec::new(),
        })
    }
}

impl Input {
    /// Whether the schema says of the value what the input says of it, as far as the value is known before it is named.
    pub(super) fn is_of_its_class(&self) -> bool {
        let Some(ValueClass { schema, validity, .. }) = &self.kept else { return true };
        match (&self.recipe.content, &self.recipe.subject) {
            (_, InputSubject::Invalid { name: Name { text: Some(text), .. }, .. }) => {
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

    /// Method, path and body in a line, for people: `POST /offerings {"id":"a/b"}`.
    pub fn sketch(&self) -> String {
        let Recipe { method, path, subject, query, content, .. } = &self.recipe;
        let path = match subject {
            InputSubject::Invalid { name: Name { text: Some(text), .. }, .. }
            | InputSubject::Existing(Name { text: Some(text), .. }, _)
            | InputSubject::Missing(Name { text: Some(text), .. }) => {
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
