//! Simpler variants of an input that showed a failure, as candidates for minimizing.

use super::inputs::{Input, ValueClass};
use super::suggested_id::{Preserve, SuggestedId};
use super::template::{InputBody, InputSubject};
use crate::generate::{Schema, Validity};
use serde_json::{Value, json};

/// Lazy simpler inputs; `None` for a candidate of a different class.
type Candidates<'i> = Box<dyn Iterator<Item = Option<Input>> + Send + 'i>;

impl Input {
    /// Inputs with a simpler value of the same class, the simplest first: valid, or violating the same constraint and
    /// no other. Empty where the input is not about a value of a schema. Candidates are generated lazily; `None` stands
    /// for one of a different class.
    pub fn simplifications(&self) -> Candidates<'_> {
        let Some(ValueClass { schema, validity, .. }) = &self.class else { return Box::new(std::iter::empty()) };
        match (&self.template.content, &self.template.subject) {
            (InputBody::Json(value, preserve), InputSubject::None | InputSubject::Shared) => {
                self.bodies(schema, validity, value, *preserve)
            }
            (_, InputSubject::Invalid { name: SuggestedId { text: Some(text), preserve }, truncated_to }) => {
                let name = move |text: Value| Some(SuggestedId::like(text.as_str()?, *preserve));
                let texts = schema.simpler(&Value::from(text.as_str()));
                let names = texts.map(move |text| text.filter(|text| schema.is(validity, text)).and_then(name));
                let subjects =
                    names.map(|name| Some(InputSubject::Invalid { name: name?, truncated_to: *truncated_to }));
                Box::new(
                    subjects
                        .map(|subject| subject.map(|subject| self.with(|simpler| simpler.template.subject = subject))),
                )
            }
            _ => Box::new(std::iter::empty()),
        }
    }

    fn bodies<'i>(
        &'i self,
        schema: &'i Schema,
        validity: &'i Validity,
        value: &Value,
        preserve: Option<Preserve>,
    ) -> Candidates<'i> {
        // The id is assigned later; until then the schema needs any valid one.
        let has_fresh_id = preserve == Some(Preserve::Whole);
        let mut whole = value.clone();
        if has_fresh_id {
            whole["id"] = json!("a");
        }
        let bodies = schema.simpler(&whole);
        let is_same_class = move |simpler: &Value| {
            schema.is(validity, simpler) && (!has_fresh_id || simpler.get("id") == whole.get("id"))
        };
        Box::new(bodies.map(move |body| {
            let mut body = body.filter(&is_same_class)?;
            if has_fresh_id {
                body["id"] = json!("");
            }
            Some(self.with(|simpler| simpler.template.content = InputBody::Json(body, preserve)))
        }))
    }

    fn with(&self, change: impl FnOnce(&mut Input)) -> Input {
        let mut simpler = self.clone();
        change(&mut simpler);
        simpler
    }
}
