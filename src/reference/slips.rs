//! Faults of status and code: a refusal that is right but for one of them.

use http::StatusCode;

use super::answer::Refusal;
use super::call::Operation::{self, Create, Delete, Get, List, SetMain, Update};
use super::fault::Fault;
use super::switches::Switches;

/// What a slip says instead.
#[derive(Debug, Clone, Copy)]
enum Instead {
    Status(u16),
    Code(&'static str),
}

/// A refusal that comes out wrong: which one, and what it says instead.
struct Slip {
    fault: Fault,
    at: Option<Operation>,
    code: &'static str,
    about: About,
    instead: Instead,
}

/// Which field a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Anything,
    /// No field: the body as a whole.
    Body,
    Field(&'static str),
}

const fn slip(fault: Fault, at: Operation, code: &'static str, instead: Instead) -> Slip {
    Slip { fault, at: Some(at), code, about: About::Anything, instead }
}

const fn anywhere(fault: Fault, code: &'static str, instead: Instead) -> Slip {
    Slip { fault, at: None, code, about: About::Anything, instead }
}

const fn invalid(fault: Fault, at: Operation, about: About, instead: Instead) -> Slip {
    Slip { fault, at: Some(at), code: "invalid_data", about, instead }
}

use About::{Body, Field};
use Instead::{Code, Status};

const ID: About = Field("offering_id");
const LIMIT: About = Field("limit");
const CURSOR: About = Field("starting_after");

const SLIPS: &[Slip] = &[
    slip(Fault::GET_MISSING_410, Get, "not_found", Status(410)),
    slip(Fault::GET_MISSING_400, Get, "not_found", Status(400)),
    slip(Fault::GET_MISSING_CODE, Get, "not_found", Code("offering_not_found")),
    slip(Fault::UPDATE_MISSING_CODE, Update, "not_found", Code("relation_not_found")),
    slip(Fault::UPDATE_MISSING_400, Update, "not_found", Status(400)),
    slip(Fault::DELETE_MISSING_422, Delete, "not_found", Status(422)),
    slip(Fault::SET_MAIN_MISSING_422, SetMain, "not_found", Status(422)),
    slip(Fault::SET_MAIN_MISSING_CODE, SetMain, "not_found", Code("already_exists")),
    slip(Fault::DUPLICATE_400, Create, "offering_already_exists", Status(400)),
    slip(Fault::DUPLICATE_CODE, Create, "offering_already_exists", Code("already_exists")),
    slip(Fault::CREATE_TAG_MAIN_422, Create, "cannot_set_main_directly", Status(422)),
    slip(Fault::CREATE_TAG_MAIN_CODE, Create, "cannot_set_main_directly", Code("invalid_data")),
    slip(Fault::UPDATE_TAG_MAIN_422, Update, "cannot_set_main_directly", Status(422)),
    slip(Fault::UPDATE_TAG_MAIN_CODE, Update, "cannot_set_main_directly", Code("invalid_data")),
    slip(Fault::DEMOTE_400, Update, "cannot_demote_main", Status(400)),
    slip(Fault::DEMOTE_CODE, Update, "cannot_demote_main", Code("cannot_set_main_directly")),
    slip(Fault::CREATE_PRODUCT_404, Create, "product_not_in_project", Status(404)),
    slip(Fault::CREATE_PRODUCT_CODE, Create, "product_not_in_project", Code("invalid_product_id")),
    slip(Fault::UPDATE_PRODUCT_422, Update, "product_not_in_project", Status(422)),
    slip(Fault::UPDATE_PRODUCT_CODE, Update, "product_not_in_project", Code("invalid_product_id")),
    invalid(Fault::LIMIT_422, List, LIMIT, Status(422)),
    invalid(Fault::LIMIT_CODE, List, LIMIT, Code("invalid_limit")),
    invalid(Fault::CURSOR_422, List, CURSOR, Status(422)),
    invalid(Fault::CREATE_BODY_422, Create, Body, Status(422)),
    invalid(Fault::CREATE_ID_422, Create, Field("id"), Status(422)),
    invalid(Fault::CREATE_TAG_422, Create, Field("tag"), Status(422)),
    invalid(Fault::CREATE_PRODUCTS_422, Create, Field("product_ids"), Status(422)),
    slip(Fault::CREATE_PRODUCTS_422, Create, "invalid_product_id", Status(422)),
    invalid(Fault::UPDATE_BODY_422, Update, Body, Status(422)),
    invalid(Fault::UPDATE_TAG_422, Update, Field("tag"), Status(422)),
    invalid(Fault::GET_ID_422, Get, ID, Status(422)),
    invalid(Fault::GET_ID_CODE, Get, ID, Code("invalid-identifier")),
    invalid(Fault::UPDATE_ID_422, Update, ID, Status(422)),
    invalid(Fault::DELETE_ID_404, Delete, ID, Status(404)),
    invalid(Fault::SET_MAIN_ID_422, SetMain, ID, Status(422)),
    slip(Fault::UPDATE_VARIANT_404, Update, "cannot_patch_experiment_variant", Status(404)),
    slip(Fault::UPDATE_VARIANT_CODE, Update, "cannot_patch_experiment_variant", Code("cannot_demote_main")),
    slip(Fault::DELETE_VARIANT_404, Delete, "cannot_delete_experiment_variant", Status(404)),
    slip(Fault::DELETE_VARIANT_403, Delete, "cannot_delete_experiment_variant", Status(403)),
    slip(
        Fault::DELETE_VARIANT_CODE,
        Delete,
        "cannot_delete_experiment_variant",
        Code("cannot_patch_experiment_variant"),
    ),
    slip(Fault::SET_MAIN_VARIANT_404, SetMain, "cannot_setmain_experiment_variant", Status(404)),
    slip(Fault::SET_MAIN_VARIANT_CODE, SetMain, "cannot_setmain_experiment_variant", Code("cannot_set_main")),
    anywhere(Fault::UNAUTHORIZED_CODE, "control_unauthorized", Code("unauthorized")),
    slip(Fault::UNAUTHORIZED_CODE_ON_WRITE, Create, "control_unauthorized", Code("invalid_token")),
    slip(Fault::UNAUTHORIZED_CODE_ON_WRITE, Update, "control_unauthorized", Code("invalid_token")),
    slip(Fault::UNAUTHORIZED_CODE_ON_WRITE, Delete, "control_unauthorized", Code("invalid_token")),
    slip(Fault::UNAUTHORIZED_CODE_ON_WRITE, SetMain, "control_unauthorized", Code("invalid_token")),
    anywhere(Fault::LIMITED_KEY_401, "control_forbidden", Status(401)),
    anywhere(Fault::LIMITED_KEY_404, "control_forbidden", Status(404)),
    anywhere(Fault::LIMITED_KEY_CODE, "control_forbidden", Code("forbidden")),
];

impl Slip {
    fn befalls(&self, operation: Operation, refusal: &Refusal) -> bool {
        let field = refusal.details.first().map(|detail| detail.field);
        let about = match self.about {
            About::Anything => true,
            About::Body => field.is_none(),
            About::Field(name) => field == Some(name),
        };
        about && self.code == refusal.code && self.at.is_none_or(|at| at == operation)
    }
}

/// The refusal as this server gives it.
pub(super) fn slipped(switches: Switches, operation: Operation, refusal: Refusal) -> Refusal {
    let slip = SLIPS.iter().find(|slip| switches.faulty(slip.fault) && slip.befalls(operation, &refusal));
    match slip.map(|slip| slip.instead) {
        None => refusal,
        Some(Status(status)) => {
            let status = StatusCode::from_u16(status).expect("the table holds real statuses");
            Refusal { status, ..refusal }
        }
        Some(Code(code)) => Refusal { code, ..refusal },
    }
}
