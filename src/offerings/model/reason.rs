//! Why a call must or may be refused.

use super::call::{Call, Sent, is_offering_id, is_product_id};
use super::world::{Main, World};
use crate::contract::Endpoint;

/// The most products that an offering can have.
const MOST_PRODUCTS: usize = 100;

/// Whether a server has a choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Force {
    /// The call must be refused.
    Must,
    /// It may be refused.
    May,
}

/// A reason to refuse a call.
#[derive(Clone, Debug)]
pub(super) struct Reason {
    /// The rule that says so.
    pub(super) rule: &'static str,
    /// The request, in words for a title.
    pub(super) what: &'static str,
    /// How it is refused; empty: any 4xx.
    pub(super) statuses: &'static [u16],
    /// With which typed codes; empty: any.
    pub(super) codes: &'static [&'static str],
    pub(super) force: Force,
}

const fn must(
    rule: &'static str,
    what: &'static str,
    statuses: &'static [u16],
    codes: &'static [&'static str],
) -> Reason {
    Reason { rule, what, statuses, codes, force: Force::Must }
}

const fn may(rule: &'static str, what: &'static str, statuses: &'static [u16]) -> Reason {
    Reason { rule, what, statuses, codes: &[], force: Force::May }
}

const NOT_FOUND: &[&str] = &["not_found"];

impl World {
    /// Every reason to refuse a call whose id stands for `target`; empty when it must succeed.
    pub(super) fn reasons(&self, call: &Call, target: Option<&str>) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = match call.endpoint {
            Endpoint::List => list_reasons(call),
            Endpoint::Create => self.create_id(call, target).into_iter().collect(),
            _ => self.path_id(call, target).into_iter().collect(),
        };
        if matches!(call.endpoint, Endpoint::Create | Endpoint::Update) {
            self.body(call, target, &mut reasons);
        }
        let is_main = target.is_some_and(|id| self.is_main(id) != Some(false));
        if call.endpoint == Endpoint::Delete && is_main {
            reasons.push(may("delete.main", "a delete of the main offering", &[]));
        }
        reasons
    }

    fn create_id(&self, call: &Call, target: Option<&str>) -> Option<Reason> {
        if !matches!(&call.body.id, Sent::Value(id) if is_offering_id(id)) {
            return Some(must("create.id-invalid", "a create with an invalid id", &[400], &[]));
        }
        if self.is_variant(&call.id) {
            return Some(must("create.duplicate", "a create with the id of an experiment variant", &[], &[]));
        }
        target.map(|_| {
            let what = "a create of an id that exists";
            must("create.duplicate", what, &[409], &["offering_already_exists"])
        })
    }

    fn path_id(&self, call: &Call, target: Option<&str>) -> Option<Reason> {
        let id = call.id.as_str();
        if !is_offering_id(id) {
            return Some(match call.endpoint {
                Endpoint::Get => must("get.id-invalid", "a get of an invalid id", &[400, 404], &[]),
                Endpoint::Update => must("update.id-invalid", "an update of an invalid id", &[400, 404], &[]),
                Endpoint::Delete => must("delete.id-invalid", "a delete of an invalid id", &[400], &[]),
                _ => must("set-main.id-invalid", "a set-main of an invalid id", &[400, 404], &[]),
            });
        }
        if self.is_variant(id) {
            return Some(variant(call.endpoint));
        }
        if target.is_some() {
            return None;
        }
        // Of what others own only what is there is known: a variant of theirs is not listed.
        if !self.is_ours(id) {
            return Some(may("get.missing", "a call on an offering of somebody else", &[404, 422]));
        }
        let was_deleted = self.lives(id) > 0;
        Some(match call.endpoint {
            Endpoint::Get if was_deleted => must("delete.removes", "a get of a deleted offering", &[404], NOT_FOUND),
            Endpoint::Get => must("get.missing", "a get of an id that never existed", &[404], NOT_FOUND),
            Endpoint::Update => must("update.missing", "an update of a missing offering", &[404], NOT_FOUND),
            Endpoint::Delete if was_deleted => must("delete.again", "a second delete", &[404], NOT_FOUND),
            Endpoint::Delete => must("delete.missing", "a delete of an id that never existed", &[404], NOT_FOUND),
            _ => must("set-main.missing", "a set-main of a missing offering", &[404], NOT_FOUND),
        })
    }

    fn body(&self, call: &Call, target: Option<&str>, reasons: &mut Vec<Reason>) {
        let creates = call.endpoint == Endpoint::Create;
        let of = |create: &'static str, update: &'static str| if creates { create } else { update };
        let body = &call.body;
        if !body.is_object {
            let rule = of("create.body-malformed", "update.body-malformed");
            reasons.push(must(rule, "a body that is no JSON object", &[400], &[]));
            return;
        }
        match &body.products {
            Sent::Absent => {}
            Sent::Value(products) => reasons.extend(self.products(products, creates)),
            Sent::Null => reasons.push(may(PRODUCTS[usize::from(creates)], "`product_ids` of null", &[400])),
            Sent::Broken => {
                reasons.push(must(PRODUCTS[usize::from(creates)], "`product_ids` of another type", &[400], &[]));
            }
        }
        if creates {
            reasons.extend(create_tag(&body.tag));
        } else {
            self.update_tag(&body.tag, target, reasons);
            if body.id != Sent::Absent {
                reasons.push(may("update.id-immutable", "an update with an `id`", &[400]));
            }
            if body.is_empty() {
                reasons.push(may("update.empty-body", "an update with an empty body", &[400]));
            }
        }
        if body.has_others {
            reasons.push(may("create.unknown-field", "a body with an unknown field", &[400]));
        }
    }

    fn products(&self, products: &[String], creates: bool) -> Option<Reason> {
        let of = |create: &'static str, update: &'static str| if creates { create } else { update };
        if products.len() > MOST_PRODUCTS || !products.iter().all(|id| is_product_id(id)) {
            return Some(must(PRODUCTS[usize::from(creates)], "`product_ids` beyond their bounds", &[400], &[]));
        }
        let known = |id: &&String| self.facts.products.contains(*id);
        if products.iter().any(|id| !known(&id) && id.starts_with(&self.facts.prefix)) {
            return Some(must(
                of("create.product-unknown", "update.product-unknown"),
                of("a create with an unknown product", "an update with an unknown product"),
                &[400],
                &["product_not_in_project"],
            ));
        }
        if !products.iter().all(|id| known(&id)) {
            let rule = of("create.product-unknown", "update.product-unknown");
            return Some(may(rule, "a product that may be registered", &[400]));
        }
        let mut sorted: Vec<_> = products.iter().collect();
        sorted.sort();
        let repeats = sorted.windows(2).any(|pair| pair[0] == pair[1]);
        repeats.then(|| may("create.duplicate-products", "a product id twice in one list", &[400]))
    }

    fn update_tag(&self, tag: &Sent<i64>, target: Option<&str>, reasons: &mut Vec<Reason>) {
        let demote = match tag {
            Sent::Absent => return,
            Sent::Value(1) => {
                let what = "an update with `tag` 1";
                let codes = &["cannot_set_main_directly"];
                reasons.push(must("update.tag-main-rejected", what, &[400], codes));
                return;
            }
            Sent::Value(0) => ("update.demote-rejected", "`tag` 0 on the main offering"),
            Sent::Null => ("update.demote-null", "`tag` null on the main offering"),
            Sent::Value(_) | Sent::Broken => {
                reasons.push(must("update.tag-invalid", "an update with an invalid `tag`", &[400], &[]));
                return;
            }
        };
        let is_main = target.map(|id| self.is_main(id));
        if is_main == Some(Some(true)) {
            reasons.push(must(demote.0, demote.1, &[422], &["cannot_demote_main"]));
        } else {
            reasons.push(may("update.tag-on-regular", "a `tag` on a regular offering", &[400]));
            if is_main == Some(None) {
                reasons.push(may(demote.0, demote.1, &[422]));
            }
        }
    }

    /// Whether the next offering made here must be main (`Some(true)`), must not (`Some(false)`), or may.
    pub(super) fn next_is_main(&self) -> Option<bool> {
        match self.main {
            Main::Is(_) => Some(false),
            Main::None if self.is_untouched && self.rows.is_empty() => Some(true),
            Main::None | Main::Unsure { .. } => None,
        }
    }
}

/// The rules of a product list: an update's, a create's.
const PRODUCTS: [&str; 2] = ["update.product-bounds", "create.product-bounds"];

fn create_tag(tag: &Sent<i64>) -> Option<Reason> {
    match tag {
        Sent::Value(1) => {
            Some(must("create.tag-main-rejected", "a create with `tag` 1", &[400], &["cannot_set_main_directly"]))
        }
        Sent::Absent | Sent::Null | Sent::Value(0) => None,
        Sent::Value(_) | Sent::Broken => {
            Some(must("create.tag-invalid", "a create with an invalid `tag`", &[400], &[]))
        }
    }
}

fn variant(endpoint: Endpoint) -> Reason {
    match endpoint {
        Endpoint::Get => must("get.variant-hidden", "a get of an experiment variant", &[404], NOT_FOUND),
        Endpoint::Update => {
            must("update.variant", "an update of an experiment variant", &[422], &["cannot_patch_experiment_variant"])
        }
        Endpoint::Delete => {
            must("delete.variant", "a delete of an experiment variant", &[422], &["cannot_delete_experiment_variant"])
        }
        _ => must(
            "set-main.variant",
            "a set-main of an experiment variant",
            &[422],
            &["cannot_setmain_experiment_variant"],
        ),
    }
}

fn list_reasons(call: &Call) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let in_range = |limit: &String| limit.parse::<u32>().is_ok_and(|limit| (1..=100).contains(&limit));
    if call.limit.as_ref().is_some_and(|limit| !in_range(limit)) {
        reasons.push(must("list.limit-invalid", "a list with an invalid limit", &[400], &["invalid_data"]));
    }
    if call.after.as_ref().is_some_and(|after| !is_offering_id(after)) {
        reasons.push(must("list.cursor-invalid", "a list with an invalid cursor", &[400], &[]));
    }
    reasons
}
