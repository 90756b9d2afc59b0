//! The inputs of one operation, in their order.

use super::recipe::{InputBody, InputSubject, Recipe};
use super::{limits, random, unusual};
use crate::contract::{Contract, Endpoint, Operation, ParameterPlace};
use crate::exchange::OperationRef;
use crate::generate::{Facet, Schema, Side, Validity};
use crate::project::Fixtures;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::hash::{Hash, Hasher};
use std::ops::Range;

/// Where a value enters.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A parameter: where it is sent, and its name.
    Parameter(ParameterPlace, String),
    /// The body.
    Body,
}

/// A generated request, and what it is about.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its number in the list of the operation, counted from 0; the same for the same seed.
    pub number: usize,
    /// The operation by which the response is judged; [`OperationRef::None`] where the request is outside of the document.
    pub operation: OperationRef,
    /// What is special about it, without generated values: `` `id` of 65 characters (maxLength 64)``.
    pub what: String,
    /// How it is made.
    pub recipe: Recipe,
    /// On which side of the document's schema it is; `None` where readers differ, or where it is about something else.
    pub(super) side: Option<Side>,
    /// The constraint that it shows, for the coverage.
    pub shown: Option<Shown>,
    /// Where it comes from.
    pub origin: Origin,
    /// The schema of the value that it is about, and the class that neither naming nor shrinking must leave.
    pub(super) kept: Option<ValueClass>,
}

/// A value of a schema that an input is about.
#[derive(Clone, Debug)]
pub(super) struct ValueClass {
    /// Where it enters.
    pub(super) part: Part,
    /// Its schema there.
    pub(super) schema: Schema,
    /// What it is to the schema.
    pub(super) validity: Validity,
}

/// What an input is, is its request.
impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        (self.number, &self.recipe) == (other.number, &other.recipe)
    }
}

impl Eq for Input {}

impl Hash for Input {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.number, &self.recipe).hash(state);
    }
}

/// A side of a constraint of an operation.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Shown {
    /// The parameter, or the body.
    pub part: Part,
    /// Place and constraint within it.
    pub facet: Facet,
    /// Which side of it.
    pub side: Side,
}

/// Where an input comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A limit of the document.
    Limit,
    /// What HTTP and JSON allow besides.
    Unusual,
    /// The seed: case so-and-so.
    Random(u64),
}

/// The inputs of one operation.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The operation.
    pub operation: OperationRef,
    /// Its id.
    pub id: String,
    /// The inputs, in the order in which they are sent.
    pub list: Vec<Input>,
    /// Every side of every constraint that there is.
    pub(super) facets: Vec<Shown>,
    /// Constraints for a side of which nothing can be sent, each with the reason.
    pub unsatisfiable: Vec<(Shown, String)>,
}

impl Inputs {
    /// The inputs of one of the six: every limit from both sides, what is unusual but legal, and `cases` at random.
    pub fn of(contract: &Contract, endpoint: Endpoint, fixtures: &Fixtures, seed: u64, cases: u64) -> Inputs {
        let operation = contract.operation(endpoint);
        let maker = Maker::new(operation, endpoint, fixtures);
        let mut list = limits::of(&maker);
        list.extend(unusual::of(&maker));
        list.extend(random::of(&maker, seed, 0..cases));
        let (facets, unsatisfiable) = maker.facets();
        let (operation, id) = (maker.reference(), operation.id.clone());
        Inputs { operation, id, list: numbered(list), facets, unsatisfiable }
    }
}

impl Inputs {
    /// Adds what these cases of the seed are: so very many inputs can be generated a part at a time.
    pub fn extend(
        &mut self,
        contract: &Contract,
        endpoint: Endpoint,
        fixtures: &Fixtures,
        seed: u64,
        cases: Range<u64>,
    ) {
        let maker = Maker::new(contract.operation(endpoint), endpoint, fixtures);
        self.list.extend(random::of(&maker, seed, cases));
        self.list = numbered(std::mem::take(&mut self.list));
    }

    /// Some of them, or others in their place.
    pub fn with(&self, list: Vec<Input>) -> Inputs {
        let (operation, id) = (self.operation.clone(), self.id.clone());
        Inputs { operation, id, list, facets: Vec::new(), unsatisfiable: Vec::new() }
    }
}

pub(super) fn numbered(mut list: Vec<Input>) -> Vec<Input> {
    for (number, input) in list.iter_mut().enumerate() {
        input.number = number;
    }
    list
}

/// What inputs of one operation are made from.
pub(super) struct Maker<'a> {
    pub(super) operation: &'a Operation,
    pub(super) endpoint: Endpoint,
    pub(super) products: &'a [String],
    /// The id of an experiment variant, where one is known.
    pub(super) variant: Option<&'a str>,
    /// Where values enter, each with its schema.
    pub(super) slots: Vec<(Part, Schema)>,
}

impl<'a> Maker<'a> {
    fn new(operation: &'a Operation, endpoint: Endpoint, fixtures: &'a Fixtures) -> Self {
        let (products, variant) = (fixtures.products.as_slice(), fixtures.variant.as_deref());
        Self { operation, endpoint, products, variant, slots: slots(operation) }
    }

    pub(super) fn reference(&self) -> OperationRef {
        OperationRef::Offerings(self.endpoint)
    }

    /// A request that must be accepted, to which something is done then.
    pub(super) fn plain(&self) -> Recipe {
        let subject = match self.endpoint {
            Endpoint::List | Endpoint::Create => InputSubject::None,
            Endpoint::Get | Endpoint::Update => InputSubject::Shared,
            Endpoint::Delete | Endpoint::SetMain => InputSubject::Existing(super::Name::FRESH, super::Spelling::Plain),
        };
        let content = match self.endpoint {
            Endpoint::Create => InputBody::Json(json!({ "id": "" }), Some(super::Preserve::Whole)),
            Endpoint::Update => InputBody::Json(json!({ "product_ids": [] }), None),
            _ => InputBody::None,
        };
        Recipe {
            method: self.operation.method.clone(),
            path: self.operation.path.clone(),
            subject,
            query: Vec::new(),
            headers: Vec::new(),
            content,
            beside: None,
        }
    }

    /// An input with this recipe.
    pub(super) fn input(&self, what: impl Into<String>, recipe: Recipe, origin: Origin) -> Input {
        let (operation, what) = (self.reference(), what.into());
        Input { number: 0, operation, what, recipe, side: None, shown: None, origin, kept: None }
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
    pub(super) fn named(part: &Part, place: &str) -> String {
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

    /// Every side of every constraint, and those of which nothing can be sent.
    fn facets(&self) -> (Vec<Shown>, Vec<(Shown, String)>) {
        let (mut facets, mut unsatisfiable) = (Vec::new(), Vec::new());
        for (part, schema) in &self.slots {
            for (facet, sides) in schema.facets() {
                for side in sides {
                    let shown = Shown { part: part.clone(), facet: facet.clone(), side };
                    match limits::why_unsendable(part, schema, &facet, side) {
                        Some(reason) => unsatisfiable.push((shown, reason)),
                        None => facets.push(shown),
                    }
                }
            }
        }
        (facets, unsatisfiable)
    }
}

/// Where values enter an operation: its parameters and its JSON body.
pub(super) fn slots(operation: &Operation) -> Vec<(Part, Schema)> {
    use crate::contract::Direction;
    let parameters = operation.parameters.iter().map(|parameter| {
        let part = Part::Parameter(parameter.place, parameter.name.clone());
        (part, Schema::of(&parameter.schema, Direction::Request))
    });
    let body = operation.body.as_ref().and_then(|body| body.json());
    let body = body.map(|schema| (Part::Body, Schema::of(schema, Direction::Request)));
    parameters.chain(body).collect()
}

/// Whether a body lists products.
pub(super) fn products_of(body: &Value) -> Option<&Vec<Value>> {
    body.get("product_ids")?.as_array()
}
