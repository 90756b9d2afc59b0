//! Selects the rejections of the table that apply to a request in a world.

use super::body::{BodyShape, Sent};
use super::call::{Call, Caller, Form, Limit, is_offering_id, is_product_id};
use super::conditions::{self as row, Force, Rejection};
use super::reply::Reply;
use super::world::World;
use crate::contract::Endpoint;
use crate::exchange::KeyRole;

/// The maximum number of products of an offering.
pub(super) const MAX_PRODUCTS: usize = 100;

/// The longest id, in characters.
const MAX_ID: usize = 64;

/// The longest product id, in characters.
const MAX_PRODUCT_ID: usize = 255;

type Reasons = Vec<&'static Rejection>;

impl World {
    /// Whether a request for the offering `target` must be rejected.
    pub(super) fn must_fail(&self, call: &Call, target: Option<&str>) -> bool {
        self.reasons(call, target).iter().any(|reason| reason.force == row::Force::Must)
    }

    /// The reasons to reject a request for the offering `target`; empty if it must succeed.
    pub(super) fn reasons(&self, call: &Call, target: Option<&str>) -> Reasons {
        let mut reasons = Vec::new();
        match call.caller {
            Caller::Missing => reasons.push(&row::AUTH_MISSING),
            Caller::Invalid => reasons.push(&row::AUTH_INVALID),
            Caller::Key(KeyRole::Limited) => reasons.push(&row::AUTH_FORBIDDEN),
            Caller::Key(_) => {}
        }
        match call.endpoint {
            Endpoint::List => list(call, &mut reasons),
            Endpoint::Create => self.create_id(call, target, &mut reasons),
            _ => reasons.extend(self.path_id(call, target)),
        }
        match call.endpoint {
            Endpoint::Create => self.create_body(call, &mut reasons),
            Endpoint::Update => self.update_body(call, target, &mut reasons),
            Endpoint::SetMain if call.body.shape != BodyShape::None => reasons.push(&row::SET_MAIN_BODY),
            Endpoint::Delete if target.is_some_and(|id| self.is_main(id) != Some(false)) => {
                reasons.push(&row::DELETE_MAIN);
            }
            _ => {}
        }
        if call.form == Form::Unusual {
            reasons.push(&row::AMBIGUOUS);
        }
        if !call.has_ordinary_key() {
            reasons.push(&row::UNUSUAL_KEY);
        }
        if call.body.is_large {
            reasons.push(&row::LARGE);
        }
        reasons
    }

    /// Whether a server may accept the request.
    pub(super) fn may_be_done(&self, call: &Call, target: Option<&str>) -> bool {
        self.reasons(call, target).iter().all(|reason| reason.force != Force::Must)
    }

    fn create_id(&self, call: &Call, target: Option<&str>, reasons: &mut Reasons) {
        if !is_readable(call.body.shape) {
            return;
        }
        let reason = match &call.body.id {
            Sent::Absent => &row::ID_ABSENT,
            Sent::Null => &row::ID_NULL,
            Sent::Ambiguous | Sent::Invalid => &row::ID_TYPE,
            Sent::Value(id) if id.is_empty() => &row::ID_EMPTY,
            Sent::Value(id) if !is_offering_id(id) => {
                let is_long = id.chars().count() > MAX_ID && is_offering_id(&id[..1]) && id.is_ascii();
                if is_long { &row::ID_LENGTH } else { &row::ID_CHARSET }
            }
            Sent::Value(_) if self.is_variant(&call.id) => &row::DUPLICATE_VARIANT,
            Sent::Value(_) if target.is_some_and(|id| self.is_ours(id)) => &row::DUPLICATE,
            // A hidden offering, or one of another client, may have or have had it.
            Sent::Value(id)
                if !id.starts_with(&self.facts.prefix) && (self.incarnations(id) == 0 || !self.is_ours(id)) =>
            {
                &row::CREATE_FOREIGN
            }
            Sent::Value(_) => return,
        };
        reasons.push(reason);
    }

    fn path_id(&self, call: &Call, target: Option<&str>) -> Option<&'static Rejection> {
        let id = call.id.as_str();
        let of = |rows: [&'static Rejection; 4]| match call.endpoint {
            Endpoint::Update => rows[1],
            Endpoint::Delete => rows[2],
            Endpoint::SetMain => rows[3],
            _ => rows[0],
        };
        if !is_offering_id(id) {
            return Some(of([&row::GET_ID, &row::UPDATE_ID, &row::DELETE_ID, &row::SET_MAIN_ID]));
        }
        if self.is_variant(id) {
            return Some(of([&row::GET_VARIANT, &row::UPDATE_VARIANT, &row::DELETE_VARIANT, &row::SET_MAIN_VARIANT]));
        }
        // Another client may have created or deleted it meanwhile.
        if !self.is_ours(target.unwrap_or(id)) && !self.elsewhere.contains(id) {
            return Some(&row::FOREIGN);
        }
        if target.is_some() {
            return None;
        }
        Some(of([&row::GET_MISSING, &row::UPDATE_MISSING, &row::DELETE_MISSING, &row::SET_MAIN_MISSING]))
    }

    fn create_body(&self, call: &Call, reasons: &mut Reasons) {
        let body = &call.body;
        reasons.extend(match body.shape {
            BodyShape::None => Some(&row::CREATE_BODY_NONE),
            BodyShape::Malformed => Some(&row::CREATE_BODY_SYNTAX),
            BodyShape::Null | BodyShape::NotObject => Some(&row::CREATE_BODY_TYPE),
            BodyShape::Undeclared => Some(&row::UNDECLARED),
            BodyShape::Ambiguous => Some(&row::AMBIGUOUS),
            BodyShape::Object => None,
        });
        if !is_readable(body.shape) {
            return;
        }
        self.products(call, reasons);
        reasons.extend(match body.tag {
            Sent::Value(1) => Some(&row::CREATE_TAG_MAIN),
            Sent::Absent | Sent::Null | Sent::Value(0) => None,
            Sent::Value(_) => Some(&row::CREATE_TAG_RANGE),
            Sent::Ambiguous => Some(&row::AMBIGUOUS),
            Sent::Invalid => Some(&row::CREATE_TAG_TYPE),
        });
        if !body.read_only.is_empty() {
            reasons.push(&row::READ_ONLY);
        }
        if body.has_unknown {
            reasons.push(&row::UNKNOWN_FIELD);
        }
    }

    fn update_body(&self, call: &Call, target: Option<&str>, reasons: &mut Reasons) {
        let body = &call.body;
        reasons.extend(match body.shape {
            BodyShape::None | BodyShape::Null => Some(&row::UPDATE_BODY_NONE),
            BodyShape::Malformed if body.text.is_empty() => Some(&row::UPDATE_BODY_NONE),
            BodyShape::Malformed => Some(&row::UPDATE_BODY_SYNTAX),
            BodyShape::NotObject => Some(&row::UPDATE_BODY_TYPE),
            BodyShape::Undeclared => Some(&row::UNDECLARED),
            BodyShape::Ambiguous => Some(&row::AMBIGUOUS),
            BodyShape::Object => None,
        });
        if !is_readable(body.shape) {
            return;
        }
        self.products(call, reasons);
        self.update_tag(&body.tag, target, reasons);
        if body.id != Sent::Absent {
            reasons.push(&row::UPDATE_WITH_ID);
        }
        if body.is_empty() {
            reasons.push(&row::UPDATE_EMPTY);
        }
        if body.has_unknown || !body.read_only.is_empty() {
            reasons.push(&row::UPDATE_PROPERTY);
        }
    }

    fn products(&self, call: &Call, reasons: &mut Reasons) {
        let of = |create: &'static Rejection, update: &'static Rejection| {
            if call.endpoint == Endpoint::Create { create } else { update }
        };
        let products = match &call.body.products {
            Sent::Absent => return,
            Sent::Null => {
                reasons.push(of(&row::CREATE_PRODUCTS_NULL, &row::UPDATE_PRODUCTS_NULL));
                return;
            }
            Sent::Ambiguous | Sent::Invalid => {
                let is_array = call.body.text.contains("\"product_ids\":[");
                reasons.push(if is_array {
                    of(&row::CREATE_PRODUCT_TYPE, &row::UPDATE_PRODUCT_TYPE)
                } else {
                    of(&row::CREATE_PRODUCTS_TYPE, &row::UPDATE_PRODUCTS_TYPE)
                });
                return;
            }
            Sent::Value(products) => products,
        };
        let mut sorted: Vec<_> = products.iter().collect();
        sorted.sort();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            reasons.push(&row::PRODUCTS_REPEATED);
        }
        let malformed = products.iter().find(|id| !is_product_id(id));
        if products.len() > MAX_PRODUCTS {
            reasons.push(of(&row::CREATE_PRODUCT_COUNT, &row::UPDATE_PRODUCT_COUNT));
        } else if let Some(id) = malformed {
            let is_long = id.len() > MAX_PRODUCT_ID && is_product_id(&id.chars().take(1).collect::<String>());
            reasons.push(if is_long {
                of(&row::CREATE_PRODUCT_LENGTH, &row::UPDATE_PRODUCT_LENGTH)
            } else {
                of(&row::CREATE_PRODUCT_CHARSET, &row::UPDATE_PRODUCT_CHARSET)
            });
        }
        let is_known = |id: &String| self.facts.products.contains(id);
        // No project has two product ids that differ only in leading or trailing spaces.
        let is_trimmed = |id: &String| id.trim() != id && self.facts.products.contains(id.trim());
        let is_foreign = |id: &String| self.facts.foreign_product.as_ref() == Some(id);
        let is_surely_unknown = |id: &String| {
            is_product_id(id)
                && !is_known(id)
                && (id.starts_with(&self.facts.prefix) || is_trimmed(id) || is_foreign(id))
        };
        if malformed.is_none() && products.len() <= MAX_PRODUCTS && products.iter().any(is_surely_unknown) {
            reasons.push(of(&row::CREATE_PRODUCT_UNKNOWN, &row::UPDATE_PRODUCT_UNKNOWN));
        } else if !products.iter().all(is_known) {
            let is_of_other_case = |id: &String| is_known(id) || self.facts.in_other_case(id).is_some();
            let is_case_only = products.iter().all(is_of_other_case);
            let create = if is_case_only { &row::PRODUCT_CASE } else { &row::CREATE_PRODUCT_UNSURE };
            reasons.push(of(create, &row::UPDATE_PRODUCT_UNSURE));
        }
    }

    fn update_tag(&self, tag: &Sent<i64>, target: Option<&str>, reasons: &mut Reasons) {
        let demote = match tag {
            Sent::Absent => return,
            Sent::Value(1) => return reasons.push(&row::UPDATE_TAG_MAIN),
            Sent::Value(0) => &row::DEMOTE_ZERO,
            Sent::Null => &row::DEMOTE_NULL,
            Sent::Value(_) => return reasons.push(&row::UPDATE_TAG_RANGE),
            Sent::Ambiguous => return reasons.push(&row::AMBIGUOUS),
            Sent::Invalid => return reasons.push(&row::UPDATE_TAG_TYPE),
        };
        match target.map(|id| self.is_main(id)) {
            Some(Some(true)) => reasons.push(demote),
            Some(None) => reasons.extend([&row::TAG_ON_REGULAR, &row::DEMOTE_UNSURE]),
            _ => reasons.push(&row::TAG_ON_REGULAR),
        }
    }

    /// The rules that forbid this response with any body.
    pub(super) fn violated_rules(
        &self,
        call: &Call,
        target: Option<&str>,
        reply: &Reply,
        reasons: &[&'static Rejection],
    ) -> Vec<&'static str> {
        match reasons.iter().find(|reason| reason.force != Force::Silent || is_ambiguous(reason)) {
            Some(reason) if reason.force == Force::Must => self.rules_about(reason, call),
            Some(_) => Vec::new(),
            None => vec![self.valid_rejected(call, target, reply).rule],
        }
    }

    /// The rules that an expected rejection passes.
    pub(super) fn rules_of(&self, reason: &'static Rejection, call: &Call) -> Vec<&'static str> {
        let mut rules = self.rules_about(reason, call);
        let id = call.after.as_deref().unwrap_or(&call.id);
        let is_twin = |twin: &str| twin != id && self.rows.contains_key(twin);
        if call.other_readings().iter().any(|twin| is_twin(twin)) {
            rules.push(row::DECODED_TWICE.rule());
        }
        rules
    }

    /// The rules that require a rejection for this reason.
    pub(super) fn rules_about(&self, reason: &'static Rejection, call: &Call) -> Vec<&'static str> {
        let mut rules = vec![reason.rule()];
        if self.was_deleted(&call.id) {
            match call.endpoint {
                Endpoint::Delete => rules.push(row::DELETE_AGAIN.rule()),
                Endpoint::Get => rules.push(row::GET_DELETED.rule()),
                _ => {}
            }
        }
        if self.elsewhere.contains(&call.id) && call.endpoint != Endpoint::Create {
            rules.push(row::ISOLATION_ACCEPTED.rule());
        }
        rules
    }
}

/// Whether all parsers read the same properties from a body.
fn is_readable(shape: BodyShape) -> bool {
    matches!(shape, BodyShape::Object | BodyShape::Undeclared)
}

fn list(call: &Call, reasons: &mut Reasons) {
    // The expected response to ambiguous parameters is unknown.
    if call.form != Form::Unusual {
        reasons.extend(match call.limit {
            Limit::Low => Some(&row::LIMIT_LOW),
            Limit::High => Some(&row::LIMIT_HIGH),
            Limit::NotInteger => Some(&row::LIMIT_TYPE),
            Limit::Absent | Limit::Valid(_) => None,
            Limit::Ambiguous => Some(&row::AMBIGUOUS),
        });
        if let Some(after) = call.after.as_ref().filter(|after| !is_offering_id(after)) {
            let is_long = after.chars().count() > MAX_ID && after.is_ascii();
            reasons.push(if is_long { &row::CURSOR_LENGTH } else { &row::CURSOR_CHARSET });
        }
    }
    if call.form == Form::ExtraQuery {
        reasons.push(&row::UNKNOWN_QUERY);
    }
}

/// Whether a reason is that parsers may read the request differently.
pub(super) fn is_ambiguous(reason: &&'static Rejection) -> bool {
    std::ptr::eq(*reason, &raw const row::AMBIGUOUS)
}
