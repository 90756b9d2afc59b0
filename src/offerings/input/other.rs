//! Inputs for operations outside the offerings resource, of which only the document is known.
//!
//! A server may reject a value that the schema allows for a reason that the schema cannot express, and no rule covers
//! these operations. So a response that does not match the schema is reported as drift, never as a violation.

use super::coverage::Acceptance;
use super::inputs::{CoverageTarget, Input, Inputs, Origin, Part, ValueClass, numbered, parts};
use super::limits::{unsendable_reason, validity};
use super::template::{InputBody, InputSubject, RequestTemplate};
use crate::contract::{Operation, ParameterPlace};
use crate::exchange::{KeyRole, OperationRef, Request, encode_segment};
use crate::finding::Constraints;
use crate::generate::{ConstraintSide, Facet, Schema, TextValidity, Validity, seed};
use crate::offerings::Context;
use crate::offerings::scenario::ScriptResult;
use crate::project::Abort;

impl Inputs {
    /// The inputs of any operation of the document, from its schemas alone. Empty where no value can be generated for
    /// the body or a required parameter.
    pub fn of_other(operation: &Operation, base: u64, cases: u64) -> Inputs {
        let reference = OperationRef::Other(operation.id.as_str().into());
        let mut inputs = Inputs {
            operation: reference.clone(),
            id: operation.id.clone(),
            list: Vec::new(),
            facets: Vec::new(),
            unsatisfiable: Vec::new(),
        };
        let other = OtherInputBuilder { operation, reference, parts: parts(operation) };
        for (part, schema) in &other.parts {
            for (facet, sides) in schema.facets() {
                for side in sides {
                    let covered = CoverageTarget { part: part.clone(), facet: facet.clone(), side };
                    match unsendable_reason(part, schema, &facet, side) {
                        Some(reason) => inputs.unsatisfiable.push((covered, reason)),
                        None => inputs.facets.push(covered),
                    }
                }
            }
        }
        let Some(plain) = other.plain() else { return inputs };
        let mut list =
            vec![other.input("a valid request".into(), plain.clone(), ConstraintSide::Inside, Origin::Limit)];
        for entry in &other.parts {
            list.extend(other.limits(&plain, entry));
        }
        list.extend((0..cases).filter_map(|case| other.random(&plain, base, case)));
        inputs.list = numbered(list);
        inputs
    }

    /// Sends inputs of an operation outside the resource, then accepts every change that they made to the project.
    pub(super) async fn run_other(&self, cx: &mut Context, coverage: &mut Constraints) -> ScriptResult {
        if self.list.is_empty() {
            let reason = "no request can be generated: no value is known for a required parameter or the body";
            return Err(Abort::NotApplicable(reason.into()));
        }
        for (index, input) in self.list.iter().enumerate() {
            let result = self.run_one(input, cx, coverage).await;
            cx.record().attribute(&(index..index + 1));
            result?;
        }
        cx.adopt(KeyRole::Main).await.map(drop)
    }

    async fn run_one(&self, input: &Input, cx: &mut Context, coverage: &mut Constraints) -> ScriptResult {
        let RequestTemplate { method, path, query, headers, content, .. } = &input.template;
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
        if let (Some(covered), Some(acceptance)) = (&input.covers, Acceptance::of(response)) {
            coverage.count(&self.id, covered, acceptance);
        }
        let drift = match input.side {
            Some(ConstraintSide::Outside) if response.is_success() => "accepted",
            Some(ConstraintSide::Inside) if response.rejects_content() => "rejected",
            _ => return Ok(()),
        };
        cx.record().drift(&self.id, format!("{} was {drift}", input.description));
        Ok(())
    }
}

struct OtherInputBuilder<'a> {
    operation: &'a Operation,
    reference: OperationRef,
    parts: Vec<(Part, Schema)>,
}

impl OtherInputBuilder<'_> {
    fn input(&self, description: String, template: RequestTemplate, side: ConstraintSide, origin: Origin) -> Input {
        let operation = self.reference.clone();
        Input { number: 0, operation, description, template, side: Some(side), covers: None, origin, class: None }
    }

    /// A request with a plain value for each required part; `None` where no value can be generated.
    fn plain(&self) -> Option<RequestTemplate> {
        let mut template = RequestTemplate {
            method: self.operation.method.clone(),
            path: self.operation.path.clone(),
            subject: InputSubject::None,
            query: Vec::new(),
            headers: Vec::new(),
            content: InputBody::None,
            neighbour: None,
        };
        for (part, schema) in &self.parts {
            match part {
                Part::Parameter(place, name) => {
                    let parameter = self.operation.parameter(*place, name)?;
                    if parameter.required {
                        let example = parameter.example.as_ref().and_then(Schema::as_text);
                        let text = example.or_else(|| Schema::as_text(&schema.simplest()?))?;
                        if !set_parameter(&mut template, *place, name, &text) {
                            return None;
                        }
                    }
                }
                Part::Body => template.content = InputBody::Json(schema.simplest()?, None),
            }
        }
        Some(template)
    }

    fn limits(&self, plain: &RequestTemplate, (part, schema): &(Part, Schema)) -> Vec<Input> {
        let target = |facet: &Facet, side| CoverageTarget { part: part.clone(), facet: facet.clone(), side };
        let mut inputs = Vec::new();
        match part {
            Part::Body => {
                for sample in schema.valid().chain(schema.broken()) {
                    let content = InputBody::Json(sample.value.clone(), None);
                    let description = format!(
                        "{} {}",
                        super::inputs::InputBuilder::place_name(part, &sample.facet.place),
                        sample.label
                    );
                    let mut input = self.input(
                        description,
                        RequestTemplate { content, ..plain.clone() },
                        sample.side,
                        Origin::Limit,
                    );
                    input.covers = Some(target(&sample.facet, sample.side));
                    let validity = validity(&sample.facet, sample.side);
                    input.class = Some(ValueClass { part: part.clone(), schema: schema.clone(), validity });
                    inputs.push(input);
                }
            }
            Part::Parameter(place, name) => {
                for text in schema.texts() {
                    let Some(template) = self.with(plain, *place, name, &text.text) else { continue };
                    let side = if text.validity == TextValidity::Invalid {
                        ConstraintSide::Outside
                    } else {
                        ConstraintSide::Inside
                    };
                    let mut input = self.input(format!("`{name}` {}", text.label), template, side, Origin::Limit);
                    if text.validity == TextValidity::Ambiguous {
                        input.side = None;
                    } else {
                        input.covers = Some(target(&text.facet, side));
                    }
                    inputs.push(input);
                }
            }
        }
        inputs
    }

    fn random(&self, plain: &RequestTemplate, base: u64, case: u64) -> Option<Input> {
        let seed = seed(base, &self.operation.id, case);
        let (part, schema) = self.parts.get(usize::from(seed[0]) % self.parts.len().max(1))?;
        let facets: Vec<Facet> = schema.broken().map(|sample| sample.facet.clone()).collect();
        let facet = facets.get(usize::from(seed[1]) % facets.len().max(1)).filter(|_| case % 2 == 1);
        let validity = facet.cloned().map_or(Validity::Valid, Validity::Broken);
        let side = if validity == Validity::Valid { ConstraintSide::Inside } else { ConstraintSide::Outside };
        let value = schema.generate(&validity, &seed)?;
        let about = facet.map_or_else(String::new, |facet| format!(" ({})", facet.constraint));
        let place = facet.map_or("", |facet| facet.place.as_str());
        let description =
            format!("{} with a random value{about}", super::inputs::InputBuilder::place_name(part, place));
        let template = match part {
            Part::Body => RequestTemplate { content: InputBody::Json(value, None), ..plain.clone() },
            // A value of the wrong type may be valid once it is a text.
            Part::Parameter(..) if facet.is_some_and(|facet| facet.constraint == crate::generate::Constraint::Type) => {
                return None;
            }
            Part::Parameter(place, name) => self.with(plain, *place, name, &Schema::as_text(&value)?)?,
        };
        let mut input = self.input(description, template, side, Origin::Random(case));
        if *part == Part::Body {
            input.class = Some(ValueClass { part: part.clone(), schema: schema.clone(), validity });
        }
        Some(input)
    }

    /// The plain request with another text for one parameter.
    fn with(&self, plain: &RequestTemplate, place: ParameterPlace, name: &str, text: &str) -> Option<RequestTemplate> {
        let mut template = plain.clone();
        if place == ParameterPlace::Path {
            // The plain path has a text here already, so the path template is filled again.
            template.path.clone_from(&self.operation.path);
            for (part, schema) in &self.parts {
                if let Part::Parameter(ParameterPlace::Path, other) = part {
                    let plain = Schema::as_text(&schema.simplest()?)?;
                    let text = if other == name { text } else { &plain };
                    if !set_parameter(&mut template, ParameterPlace::Path, other, text) {
                        return None;
                    }
                }
            }
            return Some(template);
        }
        let start = format!("{name}=");
        template.query.retain(|part| place != ParameterPlace::Query || !part.starts_with(&start));
        template.headers.retain(|(known, _)| place != ParameterPlace::Header || !known.eq_ignore_ascii_case(name));
        set_parameter(&mut template, place, name, text).then_some(template)
    }
}

/// Sets a parameter of a request; returns whether the text is possible there.
fn set_parameter(template: &mut RequestTemplate, place: ParameterPlace, name: &str, text: &str) -> bool {
    match place {
        ParameterPlace::Path if text.is_empty() || [".", ".."].contains(&text) => return false,
        ParameterPlace::Path => template.path = template.path.replace(&format!("{{{name}}}"), &encode_segment(text)),
        ParameterPlace::Query => template.query.push(format!("{}={}", encode_segment(name), encode_segment(text))),
        ParameterPlace::Header if text.chars().all(|letter| (' '..='~').contains(&letter)) => {
            template.headers.push((name.to_ascii_lowercase(), text.to_owned()));
        }
        ParameterPlace::Header => return false,
        ParameterPlace::Cookie => {
            if text.chars().any(|letter| !letter.is_ascii_graphic() || ";,\"\\".contains(letter)) {
                return false;
            }
            template.headers.push(("cookie".into(), format!("{name}={text}")));
        }
    }
    true
}
