//! Inputs for operations outside of the offerings resource, of which nothing but the document is known.
//!
//! What the schema calls valid may be rejected all the same for a reason that it cannot express, and no rule of the catalogue
//! speaks of these operations. So a response that is not as the schema suggests is noted as drift, never as a violation.

use super::coverage::Taken;
use super::inputs::{Input, Inputs, Origin, Part, Shown, ValueClass, numbered, slots};
use super::limits::{validity, why_unsendable};
use super::recipe::{InputBody, InputSubject, Recipe};
use crate::contract::{Operation, ParameterPlace};
use crate::exchange::{KeyRole, OperationRef, Request, encode_segment};
use crate::finding::Constraints;
use crate::generate::{Facet, Reading, Schema, Side, Validity, seed};
use crate::offerings::Context;
use crate::offerings::scenario::ScriptResult;
use crate::project::Abort;

impl Inputs {
    /// The inputs of any operation of the document, by its schemas alone. Empty where a parameter that must be sent, or
    /// the body, is of a kind that no value can be made for.
    pub fn of_other(operation: &Operation, base: u64, cases: u64) -> Inputs {
        let reference = OperationRef::Other(operation.id.as_str().into());
        let mut inputs = Inputs {
            operation: reference.clone(),
            id: operation.id.clone(),
            list: Vec::new(),
            facets: Vec::new(),
            unsatisfiable: Vec::new(),
        };
        let other = Other { operation, reference, slots: slots(operation) };
        for (part, schema) in &other.slots {
            for (facet, sides) in schema.facets() {
                for side in sides {
                    let shown = Shown { part: part.clone(), facet: facet.clone(), side };
                    match why_unsendable(part, schema, &facet, side) {
                        Some(reason) => inputs.unsatisfiable.push((shown, reason)),
                        None => inputs.facets.push(shown),
                    }
                }
            }
        }
        let Some(plain) = other.plain() else { return inputs };
        let mut list = vec![other.input("a valid request".into(), plain.clone(), Side::Inside, Origin::Limit)];
        for slot in &other.slots {
            list.extend(other.limits(&plain, slot));
        }
        list.extend((0..cases).filter_map(|case| other.random(&plain, base, case)));
        inputs.list = numbered(list);
        inputs
    }

    /// Sends inputs of an operation outside of the resource; the project is accepted then as it is, whatever they did to it.
    pub(super) async fn run_other(&self, cx: &mut Context, coverage: &mut Constraints) -> ScriptResult {
        if self.list.is_empty() {
            let reason =
                "no request can be generated for it: a parameter or body is of a kind for which no value is known";
            return Err(Abort::NotApplicable(reason.into()));
        }
        for (index, input) in self.list.iter().enumerate() {
            let flow = self.run_one(input, cx, coverage).await;
            cx.record().attribute(&(index..index + 1));
            flow?;
        }
        cx.adopt(KeyRole::Main).await.map(drop)
    }

    async fn run_one(&self, input: &Input, cx: &mut Context, coverage: &mut Constraints) -> ScriptResult {
        let Recipe { method, path, query, headers, content, .. } = &input.recipe;
        let mut request = Request::new(input.operation.clone(), method.clone(), path.as_str());
        for part in query {
            request = request.raw_query(part);
        }
        for (name, value) in headers {
            request = request.header(name, value.as_str());
        }
        if let InputBody::Json(body, _) = content {
            request = request.json(body);
        }
        let exchange = cx.send(request).await?;
        let response = &exchange.response;
        if let (Some(shown), Some(taken)) = (&input.shown, Taken::by(response)) {
            coverage.count(&self.id, shown, taken);
        }
        let drift = match input.side {
            Some(Side::Outside) if response.is_success() => "accepted",
            Some(Side::Inside) if response.rejects_content() => "rejected",
            _ => return Ok(()),
        };
        cx.record().drift(&self.id, format!("{} was {drift}", input.what));
        Ok(())
    }
}

struct Other<'a> {
    operation: &'a Operation,
    reference: OperationRef,
    slots: Vec<(Part, Schema)>,
}

impl Other<'_> {
    fn input(&self, what: String, recipe: Recipe, side: Side, origin: Origin) -> Input {
        let operation = self.reference.clone();
        Input { number: 0, operation, what, recipe, side: Some(side), shown: None, origin, kept: None }
    }

    /// A request with plain values wherever there must be one; `None` where none can be made.
    fn plain(&self) -> Option<Recipe> {
        let mut recipe = Recipe {
            method: self.operation.method.clone(),
            path: self.operation.path.clone(),
            subject: InputSubject::None,
            query: Vec::new(),
            headers: Vec::new(),
            content: InputBody::None,
            beside: None,
        };
        for (part, schema) in &self.slots {
            match part {
                Part::Parameter(place, name) => {
                    let parameter = self.operation.parameter(*place, name)?;
                    if parameter.required {
                        let example = parameter.example.as_ref().and_then(Schema::spelt);
                        let text = example.or_else(|| Schema::spelt(&schema.plainest()?))?;
                        if !put(&mut recipe, *place, name, &text) {
                            return None;
                        }
                    }
                }
                Part::Body => recipe.content = InputBody::Json(schema.plainest()?, None),
            }
        }
        Some(recipe)
    }

    fn limits(&self, plain: &Recipe, (part, schema): &(Part, Schema)) -> Vec<Input> {
        let shown = |facet: &Facet, side| Shown { part: part.clone(), facet: facet.clone(), side };
        let mut inputs = Vec::new();
        match part {
            Part::Body => {
                for sample in schema.valid().chain(schema.broken()) {
                    let content = InputBody::Json(sample.value.clone(), None);
                    let what = format!("{} {}", super::inputs::Maker::named(part, &sample.facet.place), sample.words);
                    let mut input = self.input(what, Recipe { content, ..plain.clone() }, sample.side, Origin::Limit);
                    input.shown = Some(shown(&sample.facet, sample.side));
                    let validity = validity(&sample.facet, sample.side);
                    input.kept = Some(ValueClass { part: part.clone(), schema: schema.clone(), validity });
                    inputs.push(input);
                }
            }
            Part::Parameter(place, name) => {
                for text in schema.texts() {
                    let Some(recipe) = self.with(plain, *place, name, &text.text) else { continue };
                    let side = if text.reading == Reading::Invalid { Side::Outside } else { Side::Inside };
                    let mut input = self.input(format!("`{name}` {}", text.words), recipe, side, Origin::Limit);
                    if text.reading == Reading::Ambiguous {
                        input.side = None;
                    } else {
                        input.shown = Some(shown(&text.facet, side));
                    }
                    inputs.push(input);
                }
            }
        }
        inputs
    }

    fn random(&self, plain: &Recipe, base: u64, case: u64) -> Option<Input> {
        let seed = seed(base, &self.operation.id, case);
        let (part, schema) = self.slots.get(usize::from(seed[0]) % self.slots.len().max(1))?;
        let broken: Vec<Facet> = schema.broken().map(|sample| sample.facet.clone()).collect();
        let facet = broken.get(usize::from(seed[1]) % broken.len().max(1)).filter(|_| case % 2 == 1);
        let validity = facet.cloned().map_or(Validity::Valid, Validity::Broken);
        let side = if validity == Validity::Valid { Side::Inside } else { Side::Outside };
        let value = schema.draw(&validity, &seed)?;
        let about = facet.map_or_else(String::new, |facet| format!(" ({})", facet.constraint));
        let place = facet.map_or("", |facet| facet.place.as_str());
        let what = format!("{} at random{about}", super::inputs::Maker::named(part, place));
        let recipe = match part {
            Part::Body => Recipe { content: InputBody::Json(value, None), ..plain.clone() },
            // As a text, a value of a wrong type is another value.
            Part::Parameter(..) if facet.is_some_and(|facet| facet.constraint == crate::generate::Constraint::Type) => {
                return None;
            }
            Part::Parameter(place, name) => self.with(plain, *place, name, &Schema::spelt(&value)?)?,
        };
        let mut input = self.input(what, recipe, side, Origin::Random(case));
        if *part == Part::Body {
            input.kept = Some(ValueClass { part: part.clone(), schema: schema.clone(), validity });
        }
        Some(input)
    }

    /// The plain request with another text for a parameter.
    fn with(&self, plain: &Recipe, place: ParameterPlace, name: &str, text: &str) -> Option<Recipe> {
        let mut recipe = plain.clone();
        if place == ParameterPlace::Path {
            // The plain one has a text there already: from the template, with every other parameter as it is.
            recipe.path.clone_from(&self.operation.path);
            for (part, schema) in &self.slots {
                if let Part::Parameter(ParameterPlace::Path, other) = part {
                    let plain = Schema::spelt(&schema.plainest()?)?;
                    let text = if other == name { text } else { &plain };
                    if !put(&mut recipe, ParameterPlace::Path, other, text) {
                        return None;
                    }
                }
            }
            return Some(recipe);
        }
        let start = format!("{name}=");
        recipe.query.retain(|part| place != ParameterPlace::Query || !part.starts_with(&start));
        recipe.headers.retain(|(known, _)| place != ParameterPlace::Header || !known.eq_ignore_ascii_case(name));
        put(&mut recipe, place, name, text).then_some(recipe)
    }
}

/// Puts a parameter into a request; says whether it could be done.
fn put(recipe: &mut Recipe, place: ParameterPlace, name: &str, text: &str) -> bool {
    match place {
        ParameterPlace::Path if text.is_empty() || [".", ".."].contains(&text) => return false,
        ParameterPlace::Path => recipe.path = recipe.path.replace(&format!("{{{name}}}"), &encode_segment(text)),
        ParameterPlace::Query => recipe.query.push(format!("{}={}", encode_segment(name), encode_segment(text))),
        ParameterPlace::Header if text.chars().all(|letter| (' '..='~').contains(&letter)) => {
            recipe.headers.push((name.to_ascii_lowercase(), text.to_owned()));
        }
        ParameterPlace::Header => return false,
        ParameterPlace::Cookie => {
            if text.chars().any(|letter| !letter.is_ascii_graphic() || ";,\"\\".contains(letter)) {
                return false;
            }
            recipe.headers.push(("cookie".into(), format!("{name}={text}")));
        }
    }
    true
}
