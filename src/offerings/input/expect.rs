//! Which answer an input must get, and by which rule: what the schema says, and what it cannot say.

use crate::contract::{Endpoint, Place};
use crate::generate::{Constraint, Facet, Side};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// Where a value enters.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A parameter: where it is sent, and its name.
    Parameter(Place, String),
    /// The body.
    Body,
}

/// What the answer must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// This status, and what was sent is what is answered.
    Accept(u16),
    /// One of these statuses (none: any 4xx), with one of these typed codes (none: any), and nothing changes.
    Refuse(Vec<u16>, Vec<Cow<'static, str>>),
    /// Accepted with this status, or refused with one of those: a choice of the server, which is observed where the rule
    /// is an open one.
    Choose(u16, Vec<u16>),
    /// Anything but a server error.
    Either,
}

/// A rule, or `None` where none speaks of it, and what it expects.
pub(super) type Expected = (Option<&'static str>, Expectation);

/// What a schema error is answered with.
pub(super) const BAD: u16 = 400;

pub(super) fn refuse(statuses: &[u16], codes: &[&'static str]) -> Expectation {
    Expectation::Refuse(statuses.to_vec(), codes.iter().map(|code| Cow::Borrowed(*code)).collect())
}

/// What a valid request of an operation is answered with.
pub(super) const fn success(endpoint: Endpoint) -> u16 {
    match endpoint {
        Endpoint::List | Endpoint::Get | Endpoint::Update | Endpoint::SetMain => 200,
        Endpoint::Create => 201,
        Endpoint::Delete => 204,
    }
}

/// The rule that a valid request of an operation is held to.
pub(super) const fn plain_rule(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::List => "list.limit-honoured",
        Endpoint::Create => "create.echo",
        Endpoint::Get => "get.existing",
        Endpoint::Update => "update.replaces-products",
        Endpoint::Delete => "delete.removes",
        Endpoint::SetMain => "set-main.promotes",
    }
}

/// What a request with this value at this place is answered with, all the rest of it being right.
pub(super) fn of(endpoint: Endpoint, part: &Part, facet: &Facet, side: Side, value: &Value) -> Expected {
    match (part, endpoint) {
        (Part::Parameter(Place::Path, _), _) => path(endpoint, side),
        (Part::Parameter(Place::Query, name), Endpoint::List) => query(name, side),
        (Part::Parameter(..), _) => match side {
            Side::Inside => (Some(plain_rule(endpoint)), Expectation::Accept(success(endpoint))),
            Side::Outside => (None, Expectation::Either),
        },
        (Part::Body, Endpoint::Create) => create(facet, side, value),
        (Part::Body, Endpoint::Update) => update(facet, side, value),
        // The others take none.
        (Part::Body, _) => (None, Expectation::Either),
    }
}

fn path(endpoint: Endpoint, side: Side) -> Expected {
    if side == Side::Inside {
        return (Some(plain_rule(endpoint)), Expectation::Accept(success(endpoint)));
    }
    // No offering can have such an id: 404 is true as well, except where the page says 400.
    match endpoint {
        Endpoint::Get => (Some("get.id-invalid"), refuse(&[BAD, 404], &[])),
        Endpoint::Update => (Some("update.id-invalid"), refuse(&[BAD, 404], &[])),
        Endpoint::Delete => (Some("delete.id-invalid"), refuse(&[BAD], &[])),
        Endpoint::SetMain => (Some("set-main.id-invalid"), refuse(&[BAD, 404], &[])),
        Endpoint::List | Endpoint::Create => (None, Expectation::Either),
    }
}

fn query(name: &str, side: Side) -> Expected {
    match (name, side) {
        ("limit", Side::Inside) => (Some("list.limit-honoured"), Expectation::Accept(200)),
        ("limit", Side::Outside) => (Some("list.limit-invalid"), refuse(&[BAD], &["invalid_data"])),
        ("starting_after", Side::Inside) => (Some("list.pages-cover"), Expectation::Accept(200)),
        ("starting_after", Side::Outside) => (Some("list.cursor-invalid"), refuse(&[BAD], &[])),
        _ => (None, Expectation::Either),
    }
}

/// Whether a number is written with decimals but is whole, which some take for an integer.
fn is_whole_fraction(value: &Value) -> bool {
    value.is_f64() && value.as_f64().is_some_and(|float| float.fract() == 0.0)
}

fn create(facet: &Facet, side: Side, value: &Value) -> Expected {
    let accept = Expectation::Accept(201);
    match (facet.place.as_str(), side) {
        ("", Side::Inside) => (Some("create.echo"), accept),
        ("", Side::Outside) => (Some("create.body-malformed"), refuse(&[BAD], &[])),
        ("/id", Side::Inside) => (Some("create.id-bounds"), accept),
        ("/id", Side::Outside) => (Some("create.id-invalid"), refuse(&[BAD], &[])),
        ("/tag", Side::Inside) => (Some("create.tag-regular"), accept),
        ("/tag", Side::Outside) => match value.get("tag") {
            Some(tag) if tag.as_i64() == Some(1) => {
                (Some("create.tag-main-rejected"), refuse(&[BAD], &["cannot_set_main_directly"]))
            }
            Some(tag) if is_whole_fraction(tag) => (None, Expectation::Either),
            _ => (Some("create.tag-invalid"), refuse(&[BAD], &[])),
        },
        ("/product_ids" | "/product_ids/*", Side::Inside) => (Some("create.product-bounds"), accept),
        ("/product_ids" | "/product_ids/*", Side::Outside) => (Some("create.product-bounds"), refuse(&[BAD], &[])),
        _ => (None, Expectation::Either),
    }
}

fn update(facet: &Facet, side: Side, value: &Value) -> Expected {
    match (facet.place.as_str(), side) {
        ("", Side::Inside) if value.as_object().is_some_and(serde_json::Map::is_empty) => {
            (Some("update.empty-body"), Expectation::Choose(200, vec![BAD]))
        }
        // Null is as near to no body as to a wrong one, and nothing is said of either.
        ("", Side::Outside) if facet.constraint != Constraint::Nullable => {
            (Some("update.body-malformed"), refuse(&[BAD], &[]))
        }
        ("/tag", Side::Inside) => match value.get("tag") {
            Some(tag) if tag.as_i64() == Some(1) => {
                (Some("update.tag-main-rejected"), refuse(&[BAD], &["cannot_set_main_directly"]))
            }
            Some(tag) if tag.is_null() || tag.as_i64() == Some(0) => {
                (Some("update.tag-on-regular"), Expectation::Choose(200, vec![BAD]))
            }
            _ => (None, Expectation::Either),
        },
        ("/tag", Side::Outside) if value.get("tag").is_some_and(is_whole_fraction) => (None, Expectation::Either),
        ("/tag", Side::Outside) => (Some("update.tag-invalid"), refuse(&[BAD], &[])),
        ("/product_ids" | "/product_ids/*", Side::Inside) => (Some("update.product-bounds"), Expectation::Accept(200)),
        ("/product_ids" | "/product_ids/*", Side::Outside) => (Some("update.product-bounds"), refuse(&[BAD], &[])),
        _ => (None, Expectation::Either),
    }
}

/// What an unknown product is answered with; `None` where the operation takes none.
pub(super) fn unknown_product(endpoint: Endpoint) -> Option<Expected> {
    let rule = match endpoint {
        Endpoint::Create => "create.product-unknown",
        Endpoint::Update => "update.product-unknown",
        _ => return None,
    };
    Some((Some(rule), refuse(&[BAD], &["product_not_in_project"])))
}

/// What an update is answered with that would take the main its role: `tag` 0 or null.
pub(super) fn demotion(tag: &Value) -> Expected {
    let rule = if tag.is_null() { "update.demote-null" } else { "update.demote-rejected" };
    (Some(rule), refuse(&[422], &["cannot_demote_main"]))
}

/// What a new offering is answered with whose id exists.
pub(super) fn duplicate() -> Expected {
    (Some("create.duplicate"), refuse(&[409], &["offering_already_exists"]))
}

/// What a request with an unknown key is answered with.
pub(super) fn stranger() -> Expected {
    (Some("auth.malformed"), refuse(&[401], &[]))
}

/// What a request about an experiment variant is answered with; `None` where the operation names no offering.
pub(super) fn variant(endpoint: Endpoint) -> Option<Expected> {
    let (rule, status, code) = match endpoint {
        Endpoint::Get => ("get.variant-hidden", 404, "not_found"),
        Endpoint::Update => ("update.variant", 422, "cannot_patch_experiment_variant"),
        Endpoint::Delete => ("delete.variant", 422, "cannot_delete_experiment_variant"),
        Endpoint::SetMain => ("set-main.variant", 422, "cannot_setmain_experiment_variant"),
        Endpoint::List | Endpoint::Create => return None,
    };
    Some((Some(rule), refuse(&[status], &[code])))
}

/// What an id that nobody has is answered with; `None` where the operation has none in its path.
pub(super) fn missing(endpoint: Endpoint) -> Option<Expected> {
    let rule = match endpoint {
        Endpoint::Get => "get.missing",
        Endpoint::Update => "update.missing",
        Endpoint::Delete => "delete.missing",
        Endpoint::SetMain => "set-main.missing",
        Endpoint::List | Endpoint::Create => return None,
    };
    Some((Some(rule), refuse(&[404], &["not_found"])))
}
