//! Inputs for operations outside the offerings resource, of which only the document is known.
//!
//! A server may reject a value that the schema allows for a reason that the schema cannot express, and no rule covers
//! these operations. So a response that does not match the schema is reported as drift, never as a violation.

use super::coverage::Acceptance;
use super::inputs::{CoverageTarget, Input, Inputs, Origin, Part, ValueClass, numbered, parts};
use super::limits::{unsendable_reason, validity};
use super::parameter::{readings, written};
use super::template::{InputBody, InputSubject, RequestTemplate};
use crate::contract::{Operation, Parameter, ParameterPlace, is_form};
use crate::exchange::{KeyRole, OperationRef, Request};
use crate::finding::Constraints;
use crate::generate::{Constraint, ConstraintSide, Facet, Schema, TextValidity, Validity, seed};
use crate::offerings::Context;
use crate::offerings::scenario::ScriptResult;
use crate::project::Abort;
use serde_json::Value;

/// Maximum number of differences of an operation that are listed one by one. A server that checks nothing differs with
/// nearly every input, of which a large document has hundreds of thousands.
const MAX_LISTED: u64 = 25;

impl Inputs {
    /// The inputs of any operation of the document, from its schemas alone. Empty, with the reason as `obstacle`, where no
    /// request can be generated.
    pub fn of_other(operation: &Operation, base: u64, cases: u64) -> Inputs {
        let reference = OperationRef::Other(operation.id.as_str().into());
        let mut inputs = Inputs {
            operation: reference.clone(),
            id: operation.id.clone(),
            list: Vec::new(),
            facets: Vec::new(),
            unsatisfiable: Vec::new(),
            obstacle: None,
        };
        let mut other = OtherInputBuilder { operation, reference, parts: parts(operation), plain: Vec::new() };
        if let Err(reason) = other.prepare() {
            inputs.obstacle = Some(reason);
            return inputs;
        }
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
        let plain = other.request(None, None);
        let mut list: Vec<Input> = plain
            .map(|plain| other.input("a valid request".into(), plain, ConstraintSide::Inside, Origin::Limit))
            .into_iter()
            .collect();
        for (index, entry) in other.parts.iter().enumerate() {
            match other.limits(index, entry) {
                Ok(limits) => list.extend(limits),
                Err(reason) => inputs.leave_out(&entry.0, &reason),
            }
        }
        list.extend((0..cases).filter_map(|case| other.random(base, case)));
        inputs.list = numbered(list);
        inputs
    }

    /// Says why no request has a value for a part.
    fn leave_out(&mut self, part: &Part, reason: &str) {
        self.facets.retain(|covered| covered.part != *part);
        self.unsatisfiable.retain(|(covered, _)| covered.part != *part);
        let facet = Facet { place: String::new(), constraint: Constraint::Type };
        let covered = CoverageTarget { part: part.clone(), facet, side: ConstraintSide::Inside };
        self.unsatisfiable.push((covered, format!("not tried: {reason}")));
    }

    /// Sends inputs of an operation outside the resource, then accepts every change that they made to the project.
    pub(super) async fn run_other(&self, cx: &mut Context, coverage: &mut Constraints) -> ScriptResult {
        if let Some(reason) = &self.obstacle {
            return Err(Abort::NotApplicable(format!("no request can be generated: {reason}")));
        }
        let mut differences = 0;
        for (index, input) in self.list.iter().enumerate() {
            let result = self.run_one(input, cx, coverage, &mut differences).await;
            cx.record().attribute(&(index..index + 1));
            result?;
        }
        cx.adopt(KeyRole::Main).await.map(drop)
    }

    async fn run_one(
        &self,
        input: &Input,
        cx: &mut Context,
        coverage: &mut Constraints,
        differences: &mut u64,
    ) -> ScriptResult {
        let RequestTemplate { method, path, query, headers, content, .. } = &input.template;
        let mut request = Request::new(input.operation.clone(), method.clone(), path.as_str());
        for part in query {
            request = request.raw_query(part);
        }
        if let InputBody::Json(body, _) = content {
            request = request.json(body);
        }
        // Among them may be another content type.
        for (name, value) in headers {
            request = request.header(name, value.as_str());
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
        *differences += 1;
        let what = match *differences {
            ..=MAX_LISTED => format!("{} was {drift}", input.description),
            _ => format!("a further value was {drift}: coverage has the number for each constraint"),
        };
        cx.record().drift(&self.id, what);
        Ok(())
    }
}

struct OtherInputBuilder<'a> {
    operation: &'a Operation,
    reference: OperationRef,
    /// The parameters in the order of the operation, then the body if it is JSON.
    parts: Vec<(Part, Schema)>,
    /// For each part, the value of a plain request; `None` where it is left out.
    plain: Vec<Option<Value>>,
}

impl OtherInputBuilder<'_> {
    fn input(&self, description: String, template: RequestTemplate, side: ConstraintSide, origin: Origin) -> Input {
        let operation = self.reference.clone();
        Input { number: 0, operation, description, template, side: Some(side), covers: None, origin, class: None }
    }

    /// Chooses a value for each part that a request must have. The error is why there is none.
    fn prepare(&mut self) -> Result<(), String> {
        if self.operation.path.contains('#') {
            return Err("its path has a fragment, which no request carries".into());
        }
        if let Some(body) = self.operation.body.as_ref().filter(|body| body.json().is_none() && body.required) {
            let names: Vec<&str> = body.media.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("its body is {}, and only JSON is generated", names.join(" or ")));
        }
        let mut plain = Vec::new();
        for (index, (part, schema)) in self.parts.iter().enumerate() {
            plain.push(match self.operation.parameters.get(index) {
                Some(parameter) if parameter.required => Some(plain_value(parameter, schema)?),
                Some(_) => None,
                None => match schema.simplest().or_else(|| schema.valid().next().map(|sample| sample.value.clone())) {
                    None if self.operation.body.as_ref().is_some_and(|body| body.required) => {
                        return Err("no value is known that its body may have".into());
                    }
                    value => value,
                },
            });
            debug_assert_eq!(*part == Part::Body, index == self.operation.parameters.len());
        }
        self.plain = plain;
        self.request(None, None).map(drop)
    }

    /// The plain request, with another value for the parameter with this index, or another body.
    fn request(&self, other: Option<(usize, &Value)>, body: Option<&Value>) -> Result<RequestTemplate, String> {
        let mut template = RequestTemplate {
            method: self.operation.method.clone(),
            path: self.operation.path.clone(),
            subject: InputSubject::None,
            query: Vec::new(),
            headers: Vec::new(),
            content: InputBody::None,
            neighbour: None,
        };
        for (index, parameter) in self.operation.parameters.iter().enumerate() {
            let own = other.filter(|(changed, _)| *changed == index).map(|(_, value)| value);
            if let Some(value) = own.or_else(|| self.plain.get(index)?.as_ref()) {
                set_parameter(&mut template, parameter, value)?;
            }
        }
        if let Some((_, rest)) = template.path.split_once('{') {
            let name = rest.split('}').next().unwrap_or_default();
            return Err(format!("its path has a parameter `{name}`, which the document does not describe"));
        }
        let plain_body = self.plain.get(self.operation.parameters.len()).and_then(Option::as_ref);
        if let Some(body) = body.or(plain_body) {
            template.content = InputBody::Json(body.clone(), None);
            let declared = self.operation.body.as_ref().and_then(|body| body.json_type());
            if let Some(declared) = declared.filter(|declared| *declared != "application/json") {
                template.headers.push(("content-type".into(), declared.to_owned()));
            }
        }
        Ok(template)
    }

    /// Requests with values on both sides of every limit of a part. The error is why none of its values can be sent.
    fn limits(&self, index: usize, (part, schema): &(Part, Schema)) -> Result<Vec<Input>, String> {
        let Some(parameter) = self.operation.parameters.get(index) else { return Ok(self.bodies(part, schema)) };
        let name = &parameter.name;
        let target = |facet: &Facet, side| CoverageTarget { part: part.clone(), facet: facet.clone(), side };
        let texts = schema.texts();
        let mut inputs = Vec::new();
        let mut reason = "no value is known that it may have".to_owned();
        if schema.valid().next().is_none() {
            return Err(reason);
        }
        for text in &texts {
            let side =
                if text.validity == TextValidity::Invalid { ConstraintSide::Outside } else { ConstraintSide::Inside };
            let Some(template) = keep(self.request(Some((index, &Value::from(text.text.as_str()))), None), &mut reason)
            else {
                continue;
            };
            let mut input = self.input(format!("`{name}` {}", text.label), template, side, Origin::Limit);
            if text.validity == TextValidity::Ambiguous {
                input.side = None;
            } else {
                input.covers = Some(target(&text.facet, side));
            }
            inputs.push(input);
        }
        let samples = schema.valid().chain(schema.broken()).filter(|_| texts.is_empty());
        for sample in samples {
            let Some(template) = keep(self.request(Some((index, &sample.value)), None), &mut reason) else { continue };
            if sample.side == ConstraintSide::Outside
                && !is_wrong_as_text(parameter, schema, &sample.value, &sample.facet)
            {
                continue;
            }
            let place =
                if sample.facet.place.is_empty() { String::new() } else { format!(" at `{}`", sample.facet.place) };
            let description = format!("`{name}`{place} {}", sample.label);
            let mut input = self.input(description, template, sample.side, Origin::Limit);
            input.covers = Some(target(&sample.facet, sample.side));
            inputs.push(input);
        }
        if inputs.is_empty() { Err(reason) } else { Ok(inputs) }
    }

    fn bodies(&self, part: &Part, schema: &Schema) -> Vec<Input> {
        let samples = schema.valid().chain(schema.broken());
        samples
            .filter_map(|sample| {
                let template = self.request(None, Some(&sample.value)).ok()?;
                let place = super::inputs::InputBuilder::place_name(part, &sample.facet.place);
                let mut input = self.input(format!("{place} {}", sample.label), template, sample.side, Origin::Limit);
                let facet = sample.facet.clone();
                input.covers = Some(CoverageTarget { part: part.clone(), facet, side: sample.side });
                let validity = validity(&sample.facet, sample.side);
                input.class = Some(ValueClass { part: part.clone(), schema: schema.clone(), validity });
                Some(input)
            })
            .collect()
    }

    fn random(&self, base: u64, case: u64) -> Option<Input> {
        let seed = seed(base, &self.operation.id, case);
        let index = usize::from(seed[0]) % self.parts.len().max(1);
        let (part, schema) = self.parts.get(index)?;
        schema.valid().next()?;
        let facets: Vec<Facet> = schema.broken().map(|sample| sample.facet.clone()).collect();
        let facet = facets.get(usize::from(seed[1]) % facets.len().max(1)).filter(|_| case % 2 == 1);
        let validity = facet.cloned().map_or(Validity::Valid, Validity::Broken);
        let side = if validity == Validity::Valid { ConstraintSide::Inside } else { ConstraintSide::Outside };
        let value = schema.generate(&validity, &seed)?;
        let about = facet.map_or_else(String::new, |facet| format!(" ({})", facet.constraint));
        let place = facet.map_or("", |facet| facet.place.as_str());
        let description =
            format!("{} with a random value{about}", super::inputs::InputBuilder::place_name(part, place));
        let template = match self.operation.parameters.get(index) {
            None => self.request(None, Some(&value)).ok()?,
            Some(parameter) => {
                if facet.is_some_and(|facet| !is_wrong_as_text(parameter, schema, &value, facet)) {
                    return None;
                }
                self.request(Some((index, &value)), None).ok()?
            }
        };
        let mut input = self.input(description, template, side, Origin::Random(case));
        if *part == Part::Body {
            input.class = Some(ValueClass { part: part.clone(), schema: schema.clone(), validity });
        }
        Some(input)
    }
}

/// The value of a required parameter in a plain request: its example, if it is valid, or a generated one.
fn plain_value(parameter: &Parameter, schema: &Schema) -> Result<Value, String> {
    let example = parameter.example.clone().filter(|example| schema.is(&Validity::Valid, example));
    let generated = schema.simplest().into_iter().chain(schema.valid().map(|sample| sample.value.clone()));
    let mut reason = "no value is known that it may have".to_owned();
    let mut values = example.into_iter().chain(generated);
    let found = values.find(|value| keep(written(parameter, value), &mut reason).is_some());
    found.ok_or_else(|| format!("the parameter `{}` is required, and {reason}", parameter.name))
}

/// The result, or `None` after its error became the reason.
fn keep<T>(result: Result<T, String>, reason: &mut String) -> Option<T> {
    result.map_err(|error| *reason = error).ok()
}

/// Whether a server that reads the text of an invalid value rejects it, whatever type it takes the text for.
fn is_wrong_as_text(parameter: &Parameter, schema: &Schema, value: &Value, facet: &Facet) -> bool {
    if parameter.media.is_some() {
        return true;
    }
    // A text has no type, so it cannot have the wrong one.
    let is_about_type = matches!(facet.constraint, Constraint::Type | Constraint::Nullable);
    // The members of an object may be parameters of their own, of which a server ignores those that it does not know.
    let is_apart = parameter.explode && is_form(&parameter.typed) && value.is_object();
    if is_about_type && !schema.texts().is_empty() || is_apart && facet.place.is_empty() {
        return false;
    }
    readings(value).iter().all(|reading| !schema.is(&Validity::Valid, reading))
}

/// Sets a parameter of a request; the error is why the value is not possible there.
fn set_parameter(template: &mut RequestTemplate, parameter: &Parameter, value: &Value) -> Result<(), String> {
    let parts = written(parameter, value)?;
    match parameter.place {
        ParameterPlace::Path => {
            template.path = template.path.replace(&format!("{{{}}}", parameter.name), &parts.concat());
        }
        ParameterPlace::Query => template.query.extend(parts),
        ParameterPlace::Header => template.headers.push((parameter.name.to_ascii_lowercase(), parts.concat())),
        // A request has one such header for all cookies.
        ParameterPlace::Cookie => match template.headers.iter_mut().find(|(name, _)| name == "cookie") {
            Some((_, cookies)) => *cookies += &format!("; {}", parts.concat()),
            None => template.headers.push(("cookie".into(), parts.concat())),
        },
    }
    Ok(())
}
