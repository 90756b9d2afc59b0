//! Simpler inputs than an input that found something.

use super::inputs::{Class, Input, products_of};
use super::name::{Fit, Name};
use super::recipe::{Content, Subject};
use crate::generate::{Schema, Validity};
use serde_json::{Value, json};

/// Simpler inputs one at a time; `None` for a candidate that is of another class.
type Candidates<'i> = Box<dyn Iterator<Item = Option<Input>> + Send + 'i>;

impl Input {
    /// Inputs with a simpler value that is valid, or breaks the same constraint and nothing else, the simplest first.
    /// What is expected of them is the same. None where the input is not about a value of a schema. Each candidate is
    /// made when it is asked for; `None` stands for one that does not qualify.
    pub fn simpler(&self) -> Candidates<'_> {
        let Some(Class { schema, validity, .. }) = &self.kept else { return Box::new(std::iter::empty()) };
        match (&self.recipe.content, &self.recipe.subject) {
            (Content::Json(value, fit), Subject::None | Subject::Shared) => self.bodies(schema, validity, value, *fit),
            (_, Subject::Invalid { name: Name { text: Some(text), fit }, remains }) => {
                let name = move |text: Value| Some(Name::like(text.as_str()?, *fit));
                let texts = schema.simpler(&Value::from(text.as_str()));
                let names = texts.map(move |text| text.filter(|text| schema.is(validity, text)).and_then(name));
                let subjects = names.map(|name| Some(Subject::Invalid { name: name?, remains: *remains }));
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
        fit: Option<Fit>,
    ) -> Candidates<'i> {
        // An id that is named later is none yet.
        let is_named_later = fit == Some(Fit::Whole);
        let mut whole = value.clone();
        if is_named_later {
            whole["id"] = json!("a");
        }
        let bodies = schema.simpler(&whole);
        let stays = move |simpler: &Value| {
            schema.is(validity, simpler)
                && means_the_same(&whole, simpler, *validity == Validity::Valid)
                && (!is_named_later || simpler.get("id") == whole.get("id"))
        };
        Box::new(bodies.map(move |body| {
            let mut body = body.filter(&stays)?;
            if is_named_later {
                body["id"] = json!("");
            }
            Some(self.with(|simpler| simpler.recipe.content = Content::Json(body, fit)))
        }))
    }

    fn with(&self, change: impl FnOnce(&mut Input)) -> Input {
        let mut simpler = self.clone();
        change(&mut simpler);
        simpler
    }
}

/// Whether the rules, too, say the same of both: no product is new, and no tag is main that was not.
fn means_the_same(before: &Value, after: &Value, is_valid: bool) -> bool {
    let main = |body: &Value| body.get("tag") == Some(&json!(1));
    let known = |product: &Value| products_of(before).is_some_and(|products| products.contains(product));
    let products = products_of(after).is_none_or(|products| !is_valid || products.iter().all(known));
    let empty = |body: &Value| products_of(body).is_none_or(Vec::is_empty);
    let names = |body: &Value| body.as_object().map(|body| body.keys().cloned().collect::<Vec<_>>());
    let shape = !is_valid || names(before) == names(after) && empty(before) == empty(after);
    main(before) == main(after) && products && shape
}
