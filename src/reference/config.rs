//! Configuration by faults and behaviours: values that the correct code reads, and hooks that run after it.
//!
//! Every row of the two catalogues is a function that changes a `Config`; the default is the correct server.

use std::ops::RangeInclusive;
use std::sync::Arc;

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::behaviour::Behaviour;
use super::call::{Call, Operation};
use super::fault::Fault;
use super::idempotency::Key;
use super::in_flight::Overlap;
use super::interleaving::Interleaving;
use super::offering::Offering;
use super::project::Project;
use super::response::{Instead, Override, ResponseChange, Show};
use super::routes::{KeyCheck, Wait};
use super::server_response::{ApiError, ServerResponse};
use super::step::Step;
use super::store::Grant;
use super::validate::{self, BodyRules, IdRules, Repeats, Tag};
use super::view::Times;

/// The effect of a row of a catalogue.
pub(super) type Effect = fn(&mut Config);

/// Receives a finished step and may change the state and the result.
pub(super) type Hook = fn(&mut Step<'_>);

/// Returns an error message if the body of an operation is rejected.
pub(super) type BodyCheck = fn(Operation, &Map<String, Value>) -> Option<String>;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// After a success.
    Done,
    /// After any rejection.
    Rejected,
    /// After a replayed response.
    Replayed,
}

/// What another client does to the project during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OtherClient {
    /// Nothing.
    Idle,
    /// It adds offerings.
    Adds,
    /// It adds offerings and deletes them later.
    AddsAndDeletes,
}

/// What a deletion of the main does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeleteMain {
    /// No main is left.
    Removes,
    /// The oldest remaining offering becomes main.
    Promotes,
    Rejects(StatusCode),
}

/// What an idempotency key does after its offering was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeletedKey {
    /// The first response is returned again.
    Replayed,
    /// As if the key had never been used.
    Forgotten,
    Rejected(StatusCode, &'static str),
}

/// Everything that faults and behaviours configure.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// Routers, firewalls and proxies before the API.
    pub(super) front: Vec<fn(&Call) -> Option<ServerResponse>>,
    /// The status of an undocumented method.
    pub(super) unknown_method: StatusCode,
    /// Whether responses are compressed if the request allows it.
    pub(super) compresses: bool,
    /// How many products of the main project a fixture names.
    pub(super) known_products: usize,
    /// Occasional other responses, given the number of requests so far.
    pub(super) interruptions: Vec<fn(u64) -> Option<ServerResponse>>,
    /// Delays before processing.
    pub(super) waits_before: Vec<Wait>,
    /// Delays after processing.
    pub(super) waits_after: Vec<Wait>,
    /// Which operations run one at a time.
    pub(super) waits_its_turn: fn(Operation) -> bool,
    /// What happens to overlapping writes.
    pub(super) overlaps: Vec<Overlap>,
    /// What another client does.
    pub(super) other_client: OtherClient,
    /// Number of additional offerings in the main project of a fixture.
    pub(super) archive: usize,
    /// Tags of further additional offerings.
    pub(super) legacy_tags: &'static [i16],
    /// Which operations need no key.
    pub(super) keyless: fn(Operation) -> bool,
    /// Access of a request without a valid key.
    pub(super) without_valid_key: fn(KeyCheck<'_>) -> Option<Grant>,
    /// Changes the error for such a request.
    pub(super) unauthorized: fn(KeyCheck<'_>, &mut ApiError),
    /// Which operations take effect although they are rejected for the key.
    pub(super) applies_unauthorized: fn(Operation) -> bool,
    /// Which operations are allowed to a key without permission.
    pub(super) allows_limited: fn(Operation) -> bool,
    /// Which operations find an offering of another project.
    pub(super) found_elsewhere: fn(Operation) -> bool,
    /// Which requests cause a 500.
    pub(super) crashes: Vec<fn(&Call, &Project) -> bool>,
    /// What a deletion of the main does.
    pub(super) delete_main: DeleteMain,
    /// Checks before any other validation.
    pub(super) call_checks: Vec<fn(&Call) -> Option<ApiError>>,
    /// Whether a content type, without parameters, is JSON.
    pub(super) is_json: fn(&str) -> bool,
    /// Additional checks of bodies.
    pub(super) body_checks: Vec<BodyCheck>,
    pub(super) id: IdRules,
    /// Changes an id in a path before validation, by operation.
    pub(super) clean_id: [fn(&str) -> String; Operation::ALL.len()],
    /// Whether a cursor is well-formed.
    pub(super) cursor: fn(&str) -> bool,
    /// Parses a page size.
    pub(super) limit: fn(&str) -> Option<usize>,
    pub(super) default_limit: usize,
    pub(super) create: BodyRules,
    pub(super) update: BodyRules,
    /// The tag of a body of create; `None` if malformed.
    pub(super) create_tag: fn(Option<&Value>) -> Option<Tag>,
    /// The tag of a body of update; `None` if malformed.
    pub(super) update_tag: fn(Option<&Value>) -> Option<Tag>,
    /// What happens to a repeated product id.
    pub(super) repeats: Repeats,
    /// Whether a new offering becomes main.
    pub(super) becomes_main: fn(&Project) -> bool,
    /// The tag of a new offering that does not become main.
    pub(super) new_tag: fn(Tag) -> Option<i16>,
    /// The tag of a demoted offering.
    pub(super) demoted: Option<i16>,
    /// Whether a write sets `updated_at`, given whether it changes anything.
    pub(super) touches: fn(bool) -> bool,
    /// Changes the order of creation to the order of the list.
    pub(super) order: fn(&mut Vec<Offering>),
    /// The cursor of the page after an offering.
    pub(super) cursor_of: fn(&Offering) -> String,
    /// The idempotency key of a create.
    pub(super) create_key: fn(&Call) -> Option<Key>,
    /// The idempotency key of a promotion.
    pub(super) set_main_key: fn(&Call) -> Option<Key>,
    /// Status and code for a key used with another body; `None` replays the first response.
    pub(super) other_body: Option<(StatusCode, &'static str)>,
    /// What an idempotency key does after its offering was deleted.
    pub(super) deleted_key: DeletedKey,
    /// The `url` of an id.
    pub(super) url: fn(&str) -> String,
    pub(super) times: Times,
    pub(super) shows: Vec<Show>,
    pub(super) overrides: Vec<Override>,
    pub(super) changes: Vec<ResponseChange>,
    /// Whether bodies are indented.
    pub(super) pretty: bool,
    /// Whether a stored id matches the id of a request (the cursor of a list), by operation.
    pub(super) names: [fn(&str, &str) -> bool; Operation::ALL.len()],
    /// Additional characters allowed in an id in a path or cursor, by operation.
    pub(super) wildcards: [&'static str; Operation::ALL.len()],
    /// Decodes the id in a path; `None` if it is not UTF-8.
    pub(super) decode_id: fn(&str) -> Option<String>,
    /// Decodes a value of the query; `None` if it is not UTF-8.
    pub(super) decode_value: fn(&str) -> Option<String>,
    hooks: Vec<(When, Operation, Hook)>,
    pub(super) interleavings: [Option<Interleaving>; Operation::ALL.len()],
}

impl Default for Config {
    fn default() -> Self {
        Self {
            front: Vec::new(),
            unknown_method: StatusCode::METHOD_NOT_ALLOWED,
            compresses: false,
            known_products: usize::MAX,
            interruptions: Vec::new(),
            waits_before: Vec::new(),
            waits_after: Vec::new(),
            waits_its_turn: |_| false,
            overlaps: Vec::new(),
            other_client: OtherClient::Idle,
            archive: 0,
            legacy_tags: &[],
            keyless: |_| false,
            without_valid_key: |_| None,
            unauthorized: |_, _| {},
            applies_unauthorized: |_| false,
            allows_limited: |_| false,
            found_elsewhere: |_| false,
            crashes: Vec::new(),
            delete_main: DeleteMain::Removes,
            becomes_main: |project| !project.offerings.iter().any(Offering::is_regular),
            new_tag: |tag| if let Tag::Value(tag) = tag { Some(tag) } else { None },
            demoted: Some(0),
            touches: |changed| changed,
            order: |_| {},
            cursor_of: |offering| offering.id.clone(),
            create_key: Key::of,
            set_main_key: Key::of,
            other_body: None,
            deleted_key: DeletedKey::Replayed,
            call_checks: Vec::new(),
            is_json: |essence| {
                essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
            },
            body_checks: Vec::new(),
            id: IdRules::default(),
            clean_id: [str::to_owned; _],
            cursor: |after| validate::is_identifier(after, validate::OFFERING_ID_MAX),
            limit: validate::limit,
            default_limit: validate::LIMIT_DEFAULT,
            create: BodyRules::default(),
            update: BodyRules::default(),
            create_tag: validate::create_tag,
            update_tag: validate::update_tag,
            repeats: Repeats::Stored,
            url: |id| format!("/v4/offerings/{id}"),
            times: Times::default(),
            shows: Vec::new(),
            overrides: Vec::new(),
            changes: Vec::new(),
            pretty: false,
            names: [|stored, given| stored == given; _],
            wildcards: [""; _],
            decode_id: decoded,
            decode_value: decoded,
            hooks: Vec::new(),
            interleavings: [None; _],
        }
    }
}

impl Config {
    /// The server with these faults and behaviours.
    pub(super) fn new(faults: &[Fault], behaviours: &[Behaviour]) -> Arc<Self> {
        let mut config = Self::default();
        let behaviours = behaviours.iter().map(|behaviour| behaviour.effect());
        for effect in behaviours.chain(faults.iter().map(|fault| fault.effect())) {
            effect(&mut config);
        }
        Arc::new(config)
    }

    /// Runs `hook` after each success of an operation.
    pub(super) fn done(&mut self, operation: Operation, hook: Hook) {
        self.hooks.push((When::Done, operation, hook));
    }

    /// Runs `hook` after each rejection by an operation.
    pub(super) fn rejected(&mut self, operation: Operation, hook: Hook) {
        self.hooks.push((When::Rejected, operation, hook));
    }

    /// Runs `hook` after each replayed response of an operation.
    pub(super) fn replayed(&mut self, operation: Operation, hook: Hook) {
        self.hooks.push((When::Replayed, operation, hook));
    }

    /// Returns 500 for requests that satisfy a condition.
    pub(super) fn crash(&mut self, condition: fn(&Call, &Project) -> bool) {
        self.crashes.push(condition);
    }

    /// Changes every offering that these operations return.
    pub(super) fn show(&mut self, at: &'static [Operation], apply: fn(&mut Map<String, Value>)) {
        self.shows.push(Show { at, apply });
    }

    /// Changes every response to these operations with these statuses.
    pub(super) fn respond(
        &mut self,
        at: &'static [Operation],
        statuses: RangeInclusive<u16>,
        apply: fn(&Call, &mut ServerResponse),
    ) {
        self.changes.push(ResponseChange { at, statuses, apply });
    }

    /// Gives an error another status or code.
    pub(super) fn override_error(&mut self, at: &'static [Operation], about: &'static str, instead: Instead) {
        self.overrides.push(Override { at, about, instead });
    }

    /// Processes requests of these operations non-atomically.
    pub(super) fn interleave(&mut self, operations: &[Operation], interleaving: Interleaving) {
        for operation in operations {
            self.interleavings[*operation as usize] = Some(interleaving);
        }
    }

    /// The rules of the body of create or update.
    pub(super) fn body(&self, operation: Operation) -> &BodyRules {
        if operation == Operation::Create { &self.create } else { &self.update }
    }

    /// Whether any hook may run.
    pub(super) fn has_hooks(&self) -> bool {
        !self.hooks.is_empty()
    }

    /// The hooks to run, in the order of the catalogue.
    pub(super) fn hooks(&self, when: When, operation: Operation) -> impl Iterator<Item = Hook> {
        let wanted = move |(hook_when, at, _): &&(When, Operation, Hook)| (*hook_when, *at) == (when, operation);
        self.hooks.iter().filter(wanted).map(|(_, _, hook)| *hook)
    }
}

/// Percent-decodes once; a plus sign is literal.
pub(super) fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}
