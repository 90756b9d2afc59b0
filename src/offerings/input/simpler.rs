//! Simpler inputs than an input that found something.

use super::inputs::{Class, Input, products_of};
use super::name::{Fit, Name};
use super::recipe::{Content, Subject};
use crate::generate::{Schema, Validity};
use serde_json::{Value, json};

impl Input {
    /// Inputs with a simpler value that is valid, or breaks the same constraint and nothing else, the simplest first.
    /// What is expected of them is the same. None where the input is not about a value of a schema.
    pub fn simpler(&self) -> Vec<Input> {
        let Some(Class { schema, validity, .. }) = &self.kept else { return Vec::new() };
        match (&self.recipe.content, &self.recipe.subject) {
            (Content::Json(value, fit), Subject::None | Subject::Shared) => self.bodies(schema, validity, value, *fit),
            (_, Subject::Invalid { name: Name { text: Some(text), fit }, remains }) => {
                let stays = |text: &Value| schema.is(validity, text);
                let texts = schema.simpler(&Value::from(text.as_str())).into_iter().filter(stays);
                let name = |text: Value| Some(Name::like(text.as_str()?, *fit));
                let subjects = texts.filter_map(name).map(|name| Subject::Invalid { name, remains: *remains });
                subjects.map(|subject| self.with(|simpler| simpler.recipe.subject = subject)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn bodies(&self, schema: &Schema, validity: &Validity, value: &Value, fit: Option<Fit>) -> Vec<Input> {
        // An id that is named later is none yet.
        let is_named_later = fit == Some(Fit::Whole);
        let mut whole = value.clone();
        if is_named_later {
            whole["id"] = json!("a");
        }
        let stays = |simpler: &Value| {
            schema.is(validity, simpler)
                && means_the_same(&whole, simpler, *validity == Validity::Valid)
                && (!is_named_later || simpler.get("id") == whole.get("id"))
        };
        let bodies = schema.simpler(&whole).into_iter().filter(stays);
        bodies
            .map(|mut body| {
                if is_named_later {
                    body["id"] = json!("");
                }
                self.with(|simpler| simpler.recipe.content = Content::Json(body, fit))
            })
            .collect()
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
