//! The inputs of one operation, in the order in which they are sent.

use super::template::{InputBody, InputSubject, RequestTemplate};
use super::{limits, random, unusual};
use crate::contract::{Contract, Endpoint, Operation, ParameterPlace};
use crate::exchange::OperationRef;
use crate::generate::{ConstraintSide, Facet, Schema, Validity};
use crate::project::Fixtures;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::ops::Range;

/// The part of a request that carries a value.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A parameter: its place and its name.
    Parameter(ParameterPlace, String),
    /// The body.
    Body,
}

/// A generated request and its purpose.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its number in the list of the operation, counted from 0; the same for the same seed.
    pub number: usize,
    /// The operation against which the response is judged; [`OperationRef::None`] for a request outside the document.
    pub operation: OperationRef,
    /// What distinguishes it, without generated values: `` `id` of 65 characters (maxLength 64)``.
    pub description: String,
    /// The request, without its ids.
    pub template: RequestTemplate,
    /// The side of the schema on which its value is; `None` where parsers differ, or where it is not about the schema.
    pub(super) side: Option<ConstraintSide>,
    /// The side of a constraint that it covers.
    pub covers: Option<CoverageTarget>,
    /// How it was generated.
    pub origin: Origin,
    /// The class of its value, which naming and minimizing preserve.
    pub(super) class: Option<ValueClass>,
}

/// The valid values of a schema, or those that violate one constraint.
#[derive(Clone, Debug)]
pub(super) struct ValueClass {
    /// The part of the request that carries the value.
    pub(super) part: Part,
    /// The schema of the value.
    pub(super) schema: Schema,
    /// Whether the value is valid, or the constraint that it violates.
    pub(super) validity: Validity,
}

impl Input {
    /// Whether its value violates the schema, so that the request must be rejected.
    pub(super) fn is_invalid(&self) -> bool {
        let is_outside = self.covers.as_ref().is_some_and(|covered| covered.side == ConstraintSide::Outside);
        let is_broken = |class: &ValueClass| matches!(class.validity, Validity::Broken(_));
        is_outside || self.class.as_ref().is_some_and(is_broken)
    }

    /// Its description, for a limit without the name of the place: ids are tested alike in a path, a cursor and a body.
    pub(super) fn value(&self) -> &str {
        let description = self.description.as_str();
        match description.split_once("` ") {
            Some((_, value)) if self.covers.is_some() => value,
            _ => description,
        }
    }
}

/// Inputs are equal when their requests are.
impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        (self.number, &self.template) == (other.number, &other.template)
    }
}

impl Eq for Input {}

impl Hash for Input {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.number, &self.template).hash(state);
    }
}

/// A side of a constraint of an operation.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CoverageTarget {
    /// The parameter, or the body.
    pub part: Part,
    /// The constraint and its place within the part.
    pub facet: Facet,
    /// The side: inside or outside.
    pub side: ConstraintSide,
}

/// How an input was generated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// From a limit of the document.
    Limit,
    /// From a list of unusual requests that HTTP and JSON allow.
    Unusual,
    /// At random, from the seed and this case number.
    Random(u64),
}

/// The inputs of one operation.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The operation.
    pub operation: OperationRef,
    /// The id of the operation.
    pub id: String,
    /// The inputs, in the order in which they are sent.
    pub list: Vec<Input>,
    /// Every side of every constraint that an input can cover.
    pub(super) facets: Vec<CoverageTarget>,
    /// The sides of constraints that no request can cover, each with the reason.
    pub unsatisfiable: Vec<(CoverageTarget, String)>,
    /// Why the operation cannot be tested at all; `None` if it can.
    pub obstacle: Option<String>,
}

impl Inputs {
    /// The inputs of one of the six operations: both sides of every limit, unusual requests, and `cases` random ones.
    pub fn of(contract: &Contract, endpoint: Endpoint, fixtures: &Fixtures, seed: u64, cases: u64) -> Inputs {
        let operation = contract.operation(endpoint);
        let builder = InputBuilder::new(operation, endpoint, fixtures);
        let mut list = limits::of(&builder);
        list.extend(unusual::of(&builder));
        list.extend(random::of(&builder, seed, 0..cases));
        let (facets, unsatisfiable) = builder.facets();
        let (operation, id) = (builder.reference(), operation.id.clone());
        Inputs { operation, id, list: numbered(list), facets, unsatisfiable, obstacle: None }
    }
}

impl Inputs {
    /// Adds the random inputs of these cases, so that many inputs can be generated in batches.
    pub fn extend(
        &mut self,
        contract: &Contract,
        endpoint: Endpoint,
        fixtures: &Fixtures,
        seed: u64,
        cases: Range<u64>,
    ) {
        let builder = InputBuilder::new(contract.operation(endpoint), endpoint, fixtures);
        self.list.extend(random::of(&builder, seed, cases));
        self.list = numbered(std::mem::take(&mut self.list));
    }

    /// Without the requests that go to another operation: an unusual one, or a further value on one side of a limit,
    /// whatever the name of the parameter, that several of the operations `among` have goes to one of them, which depends
    /// on the seed.
    #[must_use]
    pub fn divided(self, contract: &Contract, fixtures: &Fixtures, seed: u64, among: &[Endpoint]) -> Inputs {
        let of_operation = |endpoint: &Endpoint| {
            let inputs = Self::of(contract, *endpoint, fixtures, seed, 0);
            let values = inputs.list.iter().map(|input| input.value().to_owned()).collect::<BTreeSet<_>>();
            (inputs.operation, values)
        };
        let all: Vec<_> = among.iter().map(of_operation).collect();
        let is_own = |value: &str| {
            let sharing: Vec<_> = all.iter().filter(|(_, values)| values.contains(value)).collect();
            let turn = value.bytes().fold(seed, |sum, byte| sum.wrapping_add(byte.into()));
            sharing.get(turn as usize % sharing.len().max(1)).is_none_or(|(operation, _)| *operation == self.operation)
        };
        let mut covered = BTreeSet::new();
        let mut is_kept = |input: &Input| match (&input.covers, input.origin) {
            (_, Origin::Unusual) => is_own(input.value()),
            (Some(target), Origin::Limit) => covered.insert(target.clone()) || is_own(input.value()),
            _ => true,
        };
        let mut list = self.list;
        list.retain(|input| is_kept(input));
        Inputs { list: numbered(list), ..self }
    }

    /// The same operation with another list of inputs.
    pub fn with(&self, list: Vec<Input>) -> Inputs {
        let (operation, id) = (self.operation.clone(), self.id.clone());
        Inputs { operation, id, list, facets: Vec::new(), unsatisfiable: Vec::new(), obstacle: None }
    }
}

/// The list in the order in which it is sent: random inputs last, and before others what must be rejected, which can be sent
/// at once.
pub(super) fn numbered(mut list: Vec<Input>) -> Vec<Input> {
    // The first request to another operation is a valid one, which shows whether the others can teach anything.
    if list.iter().all(|input| !matches!(input.operation, OperationRef::Other(_))) {
        list.sort_by_key(|input| (matches!(input.origin, Origin::Random(_)), !input.is_invalid()));
    }
    for (number, input) in list.iter_mut().enumerate() {
        input.number = number;
    }
    list
}

/// Builds the inputs of one operation.
pub(super) struct InputBuilder<'a> {
    pub(super) operation: &'a Operation,
    pub(super) endpoint: Endpoint,
    pub(super) products: &'a [String],
    /// The id of an experiment variant, where one is known.
    pub(super) variant: Option<&'a str>,
    /// The parameters and the body, each with its schema.
    pub(super) parts: Vec<(Part, Schema)>,
}

impl<'a> InputBuilder<'a> {
    fn new(operation: &'a Operation, endpoint: Endpoint, fixtures: &'a Fixtures) -> Self {
        let (products, variant) = (fixtures.products.as_slice(), fixtures.variant.as_deref());
        Self { operation, endpoint, products, variant, parts: parts(operation) }
    }

    pub(super) fn reference(&self) -> OperationRef {
        OperationRef::Offerings(self.endpoint)
    }

    /// A valid request, the base of every input.
    pub(super) fn plain(&self) -> RequestTemplate {
        let subject = match self.endpoint {
            Endpoint::List | Endpoint::Create => InputSubject::None,
            Endpoint::Get | Endpoint::Update => InputSubject::Shared,
            Endpoint::Delete | Endpoint::SetMain => {
                InputSubject::Existing(super::SuggestedId::FRESH, super::Spelling::Plain)
            }
        };
        let content = match self.endpoint {
            Endpoint::Create => InputBody::Json(json!({ "id": "" }), Some(super::Preserve::Whole)),
            Endpoint::Update => InputBody::Json(json!({ "product_ids": [] }), None),
            _ => InputBody::None,
        };
        RequestTemplate {
            method: self.operation.method.clone(),
            path: self.endpoint.path().to_owned(),
            subject,
            query: Vec::new(),
            headers: Vec::new(),
            content,
            neighbour: None,
        }
    }

    /// An input from this template.
    pub(super) fn input(&self, description: impl Into<String>, template: RequestTemplate, origin: Origin) -> Input {
        let (operation, description) = (self.reference(), description.into());
        Input { number: 0, operation, description, template, side: None, covers: None, origin, class: None }
    }

    /// Whether the operation names an offering in its path.
    pub(super) fn names_offering(&self) -> bool {
        !matches!(self.endpoint, Endpoint::List | Endpoint::Create)
    }

    /// Whether the operation stores products.
    pub(super) fn takes_products(&self) -> bool {
        matches!(self.endpoint, Endpoint::Create | Endpoint::Update)
    }

    /// The name of a place for a title: `` `id` ``, ``an entry of `product_ids` ``, `the body`.
    pub(super) fn place_name(part: &Part, place: &str) -> String {
        match part {
            Part::Parameter(_, name) => format!("`{name}`"),
            Part::Body if place.is_empty() => "the body".into(),
            Part::Body => {
                let path = place.trim_start_matches('/').replace('/', ".");
                match path.strip_suffix(".*") {
                    Some(list) => format!("an entry of `{list}`"),
                    None => format!("`{path}`"),
                }
            }
        }
    }

    /// The sides of all constraints that a request can cover, and the others with the reason.
    fn facets(&self) -> (Vec<CoverageTarget>, Vec<(CoverageTarget, String)>) {
        let (mut facets, mut unsatisfiable) = (Vec::new(), Vec::new());
        for (part, schema) in &self.parts {
            for (facet, sides) in schema.facets() {
                for side in sides {
                    let covered = CoverageTarget { part: part.clone(), facet: facet.clone(), side };
                    match limits::unsendable_reason(part, schema, &facet, side) {
                        Some(reason) => unsatisfiable.push((covered, reason)),
                        None => facets.push(covered),
                    }
                }
            }
        }
        (facets, unsatisfiable)
    }
}

/// The parameters and the JSON body of an operation, each with its schema.
pub(super) fn parts(operation: &Operation) -> Vec<(Part, Schema)> {
    use crate::contract::Direction;
    let parameters = operation.parameters.iter().map(|parameter| {
        let part = Part::Parameter(parameter.place, parameter.name.clone());
        (part, Schema::of(&parameter.schema, Direction::Request))
    });
    let body = operation.body.as_ref().and_then(|body| body.json());
    let body = body.map(|schema| (Part::Body, Schema::of(schema, Direction::Request)));
    parameters.chain(body).collect()
}

/// The `product_ids` of a body.
pub(super) fn products_of(body: &Value) -> Option<&Vec<Value>> {
    body.get("product_ids")?.as_array()
}
