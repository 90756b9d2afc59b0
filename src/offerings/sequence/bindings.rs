//! Resolves the references of a sequence and builds the requests of its steps.

use serde_json::{Map, Value, json};

use super::step::{OfferingRef, Product, Slot, Step, Tag};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::offerings::Context;
use crate::offerings::snapshot::page;
use crate::project::Abort;

/// The longest id, in characters.
const MAX_ID: usize = 64;

/// The ids to which the references of a sequence resolve in one run.
#[derive(Clone, Debug)]
pub(super) struct Bindings {
    /// An offering of the second project whose id is unused in the main project.
    elsewhere: Option<String>,
    /// The prefix of the idempotency keys.
    keys: String,
}

impl Bindings {
    /// Reads what is needed to resolve the references of these steps.
    ///
    /// # Errors
    /// As [`Context::walk`].
    pub(super) async fn of(cx: &mut Context, steps: &[Step]) -> Result<Self, Abort> {
        let keys = cx.new_keys();
        let names_elsewhere = steps.iter().any(|step| step.offering() == Some(OfferingRef::Elsewhere));
        let elsewhere = if names_elsewhere && cx.project().client.keys().has(KeyRole::Second) {
            let other = cx.follow(KeyRole::Second).await?;
            other.offerings.into_iter().map(|offering| offering.id).find(|id| cx.find(id).is_none())
        } else {
            None
        };
        Ok(Self { elsewhere, keys })
    }

    /// The id of a reference in the project of `role`; an unused id where the reference has no offering.
    fn id(&self, cx: &Context, role: KeyRole, offering: OfferingRef) -> String {
        let none = || cx.id("none");
        match offering {
            OfferingRef::Slot(slot) => slot_id(cx, slot),
            OfferingRef::Main => {
                let main = cx.oracle_state(role).and_then(|state| state.main());
                main.filter(|main| main.starts_with(&cx.id(""))).map_or_else(none, str::to_owned)
            }
            OfferingRef::Variant => cx.variant().unwrap_or_else(|_| none()),
            OfferingRef::Elsewhere => self.elsewhere.clone().unwrap_or_else(none),
            OfferingRef::TooLong => format!("{:x<65}", cx.id("long")),
            OfferingRef::OffCharset => cx.id("@"),
        }
    }

    /// The request of a step; `None` for a step of several requests.
    pub(super) fn request(&self, cx: &Context, step: &Step) -> Option<Request> {
        let id = |offering: OfferingRef| self.id(cx, step.role(), offering);
        let request = match step.inner() {
            Step::Create { offering, products, tag, key } => {
                let mut body = body(cx, products.as_deref(), *tag);
                body.insert("id".into(), id(*offering).into());
                let request = Request::to(Endpoint::Create).json(&Value::Object(body));
                self.keyed(request, "create", *key)
            }
            Step::Get { offering } => Request::to(Endpoint::Get).id(&id(*offering)),
            Step::Update { offering, products, tag } => {
                let body = body(cx, products.as_deref(), *tag);
                Request::to(Endpoint::Update).id(&id(*offering)).json(&Value::Object(body))
            }
            Step::Delete { offering } => Request::to(Endpoint::Delete).id(&id(*offering)),
            Step::SetMain { offering, key } => {
                self.keyed(Request::to(Endpoint::SetMain).id(&id(*offering)), "main", *key)
            }
            Step::Page { limit, after } => page(limit.map(usize::from), after.map(id).as_deref()),
            Step::Walk { .. } | Step::In { .. } => return None,
        };
        Some(request.key(step.role()))
    }

    fn keyed(&self, request: Request, what: &str, key: Option<u8>) -> Request {
        // Two names differ only in case.
        let name = key.map(|key| ["key", "KEY", "second"][usize::from(key) % 3]);
        match name {
            Some(name) => request.header("idempotency-key", format!("{}{what}-{name}", self.keys)),
            None => request,
        }
    }
}

fn slot_id(cx: &Context, slot: Slot) -> String {
    let id = cx.id(slot.name());
    if slot == Slot::LONG { format!("{id:x<MAX_ID$}") } else { id }
}

fn body(cx: &Context, products: Option<&[Product]>, tag: Tag) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(products) = products {
        let known = &cx.project().fixtures.products;
        let ids = products.iter().filter_map(|product| match product {
            Product::Known(number) => known.get(usize::from(*number)).cloned(),
            Product::Unknown => Some(cx.id("unknown-product")),
        });
        body.insert("product_ids".into(), ids.collect());
    }
    let tag = match tag {
        Tag::Absent => return body,
        Tag::Null => Value::Null,
        Tag::Zero => json!(0),
        Tag::One => json!(1),
        Tag::Invalid => json!("1"),
    };
    body.insert("tag".into(), tag);
    body
}
