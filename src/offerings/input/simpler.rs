//! Simpler inputs than an input that found something.
//!
//! What the oracle says of a simpler one is another matter: it counts only where the same condition fails.

use super::inputs::{Input, ValueClass};
use super::name::{Name, Preserve};
use super::recipe::{InputBody, InputSubject};
use crate::generate::{Schema, Validity};
use serde_json::{Value, json};

/// Simpler inputs one at a time; `None` for a candidate that is of another class.
type Candidates<'i> = Box<dyn Iterator<Item = Option<Input>> + Send + 'i>;

impl Input {
    /// Inputs with a simpler value that is valid, or breaks the same constraint and nothing else, the simplest first.
    /// None where the input is not about a value of a schema. Each candidate is made when it is asked for; `None` stands
    /// for one that does not qualify.
    pub fn simpler(&self) -> Candidates<'_> {
        let Some(ValueClass { schema, validity, .. }) = &self.kept else { return Box::new(std::iter::empty()) };
        match (&self.recipe.content, &self.recipe.subject) {
            (InputBody::Json(value, preserve), InputSubject::None | InputSubject::Shared) => {
                self.bodies(schema, validity, value, *preserve)
            }
            (_, InputSubject::Invalid { name: Name { text: Some(text), preserve }, remains }) => {
                let name = move |text: Value| Some(Name::like(text.as_str()?, *preserve));
                let texts = schema.simpler(&Value::from(text.as_str()));
                let names = texts.map(move |text| text.filter(|text| schema.is(validity, text)).and_then(name));
                let subjects = names.map(|name| Some(InputSubject::Invalid { name: name?, remains: *remains }));
                Box::new(
                    subjects
                        .map(|subject| subject.map(|subject| self.with(|simpler| simpler.recipe.subject = subject))),
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
        // An id that is named later is none yet.
        let is_named_later = preserve == Some(Preserve::Whole);
        let mut whole = value.clone();
        if is_named_later {
            whole["id"] = json!("a");
        }
        let bodies = schema.simpler(&whole);
        let stays = move |simpler: &Value| {
            schema.is(validity, simpler) && (!is_named_later || simpler.get("id") == whole.get("id"))
        };
        Box::new(bodies.map(move |body| {
            let mut body = body.filter(&stays)?;
            if is_named_later {
                body["id"] = json!("");
            }
            Some(self.with(|simpler| simpler.recipe.content = InputBody::Json(body, preserve)))
        }))
    }

    fn with(&self, change: impl FnOnce(&mut Input)) -> Input {
        let mut simpler = self.clone();
        change(&mut simpler);
        simpler
    }
}
