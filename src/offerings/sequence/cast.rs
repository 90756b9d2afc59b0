//! Who the names of a history stand for, and the requests that come of it.

use serde_json::{Map, Value, json};

use super::step::{Product, Slot, Step, Tag, Who};
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::lane::Halt;
use crate::offerings::Stage;

/// The longest id, in characters.
const LONGEST_ID: usize = 64;

/// What the history's names stand for on one stage.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// An offering that the second project has and this one has not.
    elsewhere: Option<String>,
    /// What the idempotency keys start with; `None` when no key can be known to be new.
    keys: Option<String>,
}

impl Cast {
    /// Finds out what it must know for these steps.
    ///
    /// # Errors
    /// As [`Stage::list_of`].
    pub(super) async fn of(stage: &mut Stage, steps: &[Step]) -> Result<Self, Halt> {
        let keys = stage.new_keys();
        let is_asked_for = steps.iter().any(|step| step.who() == Some(Who::Elsewhere));
        let elsewhere = if is_asked_for && stage.lane().client.keys().has(KeyRole::Second) {
            let other = stage.list_of(KeyRole::Second).await?;
            other.offerings.into_iter().map(|offering| offering.id).find(|id| stage.state().find(id).is_none())
        } else {
            None
        };
        Ok(Self { elsewhere, keys })
    }

    /// The id that a step names. What stands for nobody gets an id that nobody has.
    pub(super) fn id(&self, stage: &Stage, who: Who) -> String {
        match who {
            Who::Slot(slot) => slot_id(stage, slot),
            Who::Main => {
                let main = stage.state().main().filter(|main| main.starts_with(&stage.id("")));
                main.map_or_else(|| stage.id("nobody"), str::to_owned)
            }
            Who::Variant => stage.variant().unwrap_or_else(|_| stage.id("nobody")),
            Who::Elsewhere => self.elsewhere.clone().unwrap_or_else(|| stage.id("nobody")),
            Who::TooLong => format!("{:x<65}", stage.id("long")),
            Who::OffCharset => stage.id("@"),
        }
    }

    /// The request of a step; `None` for a step of more than one.
    pub(super) fn request(&self, stage: &Stage, step: &Step) -> Option<Request> {
        let id = |who: Who| self.id(stage, who);
        Some(match step {
            Step::Create { who, products, tag, key } => {
                let mut body = body(stage, products.as_deref(), *tag);
                body.insert("id".into(), id(*who).into());
                let request = Request::to(Endpoint::Create).json(&Value::Object(body));
                self.keyed(request, "create", *key)
            }
            Step::Get { who } => Request::to(Endpoint::Get).id(&id(*who)),
            Step::Update { who, products, tag } => {
                let body = body(stage, products.as_deref(), *tag);
                Request::to(Endpoint::Update).id(&id(*who)).json(&Value::Object(body))
            }
            Step::Delete { who } => Request::to(Endpoint::Delete).id(&id(*who)),
            Step::SetMain { who, key } => self.keyed(Request::to(Endpoint::SetMain).id(&id(*who)), "main", *key),
            Step::Page { limit, after } => {
                let mut request = Request::to(Endpoint::List);
                if let Some(limit) = limit {
                    request = request.query("limit", &limit.to_string());
                }
                if let Some(after) = after {
                    request = request.query("starting_after", &id(*after));
                }
                request
            }
            Step::Walk { .. } => return None,
        })
    }

    fn keyed(&self, request: Request, what: &str, key: Option<u8>) -> Request {
        // Two of them differ in case alone.
        let name = key.map(|key| ["key", "KEY", "second"][usize::from(key) % 3]);
        match (name, &self.keys) {
            (Some(name), Some(start)) => request.header("idempotency-key", format!("{start}{what}-{name}")),
            _ => request,
        }
    }
}

fn slot_id(stage: &Stage, slot: Slot) -> String {
    let id = stage.id(slot.name());
    if slot == Slot::LONG { format!("{id:x<LONGEST_ID$}") } else { id }
}

fn body(stage: &Stage, products: Option<&[Product]>, tag: Tag) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(products) = products {
        let known = &stage.lane().fixtures.products;
        let ids = products.iter().filter_map(|product| match product {
            Product::Known(number) => known.get(usize::from(*number)).cloned(),
            Product::Unknown => Some(stage.id("unknown-product")),
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
