//! Valid requests that were rejected: selects the requirement that names what is special about the request.

use super::body::Sent;
use super::call::{Call, is_special_id};
use super::conditions::{self as row, Requirement};
use super::reply::Reply;
use super::verdict::ModelDeviation;
use super::world::World;
use crate::contract::Endpoint;

impl World {
    /// The deviation of a valid request that was rejected. Its rule names what is special about the request.
    pub(super) fn valid_rejected(&self, call: &Call, target: Option<&str>, reply: &Reply) -> ModelDeviation {
        let is_special = is_special_id(&call.id) && reply.status != 404;
        let (row, status) = match call.endpoint {
            Endpoint::List => return self.list_rejected(call, reply),
            Endpoint::Create => (self.create_rejected(call, reply), "201"),
            Endpoint::Get if is_special => (&row::GET_ID_REJECTED, "200"),
            Endpoint::Get => (&row::GET_REJECTED, "200"),
            Endpoint::Update => (self.update_rejected(call, target, is_special), "200"),
            Endpoint::Delete if is_special => (&row::DELETE_ID_REJECTED, "204"),
            Endpoint::Delete => (&row::DELETE_REJECTED, "204"),
            Endpoint::SetMain if self.is_main(&call.id) == Some(true) => (&row::SET_MAIN_AGAIN_REJECTED, "200"),
            Endpoint::SetMain if is_special => (&row::SET_MAIN_ID_REJECTED, "200"),
            Endpoint::SetMain => (&row::SET_MAIN_REJECTED, "200"),
        };
        ModelDeviation::rejected(row, status, reply)
    }

    /// Whether a create is rejected with a conflict although its id was deleted.
    pub(super) fn is_recreate_conflict(&self, call: &Call, reply: &Reply) -> bool {
        // For some servers an id that differs only in case is the same one.
        let is_same =
            |known: &String| *known == call.id || !self.is_case_sensitive && known.eq_ignore_ascii_case(&call.id);
        call.endpoint == Endpoint::Create && reply.is_conflict() && self.incarnations.keys().any(is_same)
    }

    fn create_rejected(&self, call: &Call, reply: &Reply) -> &'static Requirement {
        let names = |field: &str| reply.fields.iter().any(|named| named == field);
        let is_special = is_special_id(&call.id);
        let has_products = call.products().is_some_and(|products| !products.is_empty());
        if self.is_recreate_conflict(call, reply) {
            if self.incarnations(&call.id) > 1 { &row::CREATE_THIRD_REJECTED } else { &row::CREATE_AGAIN_REJECTED }
        } else if names("tag") || call.body.tag != Sent::Absent && !names("id") && !names("product_ids") {
            &row::CREATE_TAG_REJECTED
        } else if self.elsewhere.contains(&call.id) {
            &row::ISOLATION_CREATE
        } else if call.key.as_ref().is_some_and(|key| self.keys_elsewhere.contains(key)) {
            &row::KEY_SCOPE
        } else if names("id") || is_special && !names("product_ids") {
            &row::CREATE_ID_REJECTED
        } else if has_products && (names("product_ids") || has_special_products(call)) {
            &row::CREATE_PRODUCTS_REJECTED
        } else if self.incarnations(&call.id) > 1 {
            &row::CREATE_THIRD_REJECTED
        } else if self.incarnations(&call.id) == 1 {
            &row::CREATE_AGAIN_REJECTED
        } else {
            &row::CREATE_REJECTED
        }
    }

    fn update_rejected(&self, call: &Call, target: Option<&str>, is_special: bool) -> &'static Requirement {
        let again = target.and_then(|id| self.rows.get(id)?.updated_by.as_deref());
        if again == Some(call.body.text.as_str()) {
            &row::UPDATE_AGAIN_REJECTED
        } else if has_special_products(call) {
            &row::UPDATE_PRODUCTS_REJECTED
        } else if is_special {
            &row::UPDATE_ID_REJECTED
        } else if call.body.products == Sent::Absent {
            &row::UPDATE_PARTIAL_REJECTED
        } else {
            &row::UPDATE_REJECTED
        }
    }
}

/// Whether product ids are valid but ones that servers often mishandle.
fn has_special_products(call: &Call) -> bool {
    let products = call.products().unwrap_or_default();
    products.len() > 50 || products.iter().any(|id| is_special_id(id))
}
