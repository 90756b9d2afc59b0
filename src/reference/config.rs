//! What makes one server differ from another: values that the correct code reads, and hooks that run beside it.
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
use super::in_flight::Meeting;
use super::interleaving::Interleaving;
use super::offering::Offering;
use super::project::Project;
use super::response::{Instead, Override, ResponseChange, Show};
use super::routes::{Door, Wait};
use super::server_response::{Refusal, ServerResponse};
use super::step::Step;
use super::store::Grant;
use super::validate::{self, BodyRules, IdRules, Repeats, Tag};
use super::view::Times;

/// What a row of a catalogue does.
pub(super) type Effect = fn(&mut Config);

/// Sees a finished step and may change the state and the result.
pub(super) type Hook = fn(&mut Step<'_>);

/// The message for which the body of an operation is rejected.
pub(super) type BodyCheck = fn(Operation, &Map<String, Value>) -> Option<String>;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// After a success.
    Done,
    /// After a rejection, for whatever reason.
    Rejected,
    /// After a response that was kept for an idempotency key.
    Replayed,
}

/// What another client does to a project meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Nothing.
    Rest,
    /// It adds offerings.
    Add,
    /// It adds offerings and deletes them again.
    ComeAndGo,
}

/// What becomes of a deletion of the main.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeleteMain {
    /// No main is left.
    Removes,
    /// The oldest offering that is left becomes main.
    Promotes,
    Rejects(StatusCode),
}

/// What an idempotency key means once the offering that it made is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    /// The first response is given again.
    Replayed,
    /// As if the key had never been used.
    Forgotten,
    Rejected(StatusCode, &'static str),
}

/// Everything that faults and behaviours decide.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// What stands in front of the API.
    pub(super) front: Vec<fn(&Call) -> Option<ServerResponse>>,
    /// What is responded now and then instead, by the number of requests so far.
    pub(super) interruptions: Vec<fn(u64) -> Option<ServerResponse>>,
    /// How long requests wait before they are worked on.
    pub(super) waits_before: Vec<Wait>,
    /// How long responses wait.
    pub(super) waits_after: Vec<Wait>,
    /// Which operations wait until no other that waits is worked on.
    pub(super) waits_its_turn: fn(Operation) -> bool,
    /// What happens to writes that meet.
    pub(super) meetings: Vec<Meeting>,
    /// What another client does meanwhile.
    pub(super) others: Others,
    /// How many more offerings the main project of a fixture has.
    pub(super) archive: usize,
    /// Tags of still more of them.
    pub(super) legacy_tags: &'static [i16],
    /// Which operations need no key.
    pub(super) keyless: fn(Operation) -> bool,
    /// What a request without a valid key may work on.
    pub(super) stranger: fn(Door<'_>) -> Option<Grant>,
    /// How the rejection of such a request differs.
    pub(super) unauthorized: fn(Door<'_>, &mut Refusal),
    /// Which operations are done although they are rejected for the key.
    pub(super) done_unauthorized: fn(Operation) -> bool,
    /// Which operations a key without permission may do.
    pub(super) allows_limited: fn(Operation) -> bool,
    /// Which operations find an offering of another project.
    pub(super) found_elsewhere: fn(Operation) -> bool,
    /// Which requests end in a 500.
    pub(super) crashes: Vec<fn(&Call, &Project) -> bool>,
    /// What becomes of a deletion of the main.
    pub(super) delete_main: DeleteMain,
    /// Which requests are rejected before anything else, and for what.
    pub(super) call_checks: Vec<fn(&Call) -> Option<Refusal>>,
    /// Whether a content type, its parameters left out, is one of JSON.
    pub(super) is_json: fn(&str) -> bool,
    /// Which bodies are rejected besides, and with which message.
    pub(super) body_checks: Vec<BodyCheck>,
    pub(super) id: IdRules,
    /// What becomes of an id in a path before it is judged, by operation.
    pub(super) clean_id: [fn(&str) -> String; Operation::ALL.len()],
    /// Whether a cursor is well-formed.
    pub(super) cursor: fn(&str) -> bool,
    /// The page size that a text stands for.
    pub(super) limit: fn(&str) -> Option<usize>,
    pub(super) default_limit: usize,
    pub(super) create: BodyRules,
    pub(super) update: BodyRules,
    /// The tag of a body of create; nothing where it is malformed.
    pub(super) create_tag: fn(Option<&Value>) -> Option<Tag>,
    /// Likewise of update.
    pub(super) update_tag: fn(Option<&Value>) -> Option<Tag>,
    /// What becomes of a product that stands twice in a list.
    pub(super) repeats: Repeats,
    /// Whether a new offering becomes main.
    pub(super) becomes_main: fn(&Project) -> bool,
    /// The tag of a new offering that does not.
    pub(super) new_tag: fn(Tag) -> Option<i16>,
    /// The tag of an offering that was main.
    pub(super) demoted: Option<i16>,
    /// Whether a write sets `updated_at`, by whether it changes anything.
    pub(super) touches: fn(bool) -> bool,
    /// The order of the list, from that of creation.
    pub(super) order: fn(&mut Vec<Offering>),
    /// The cursor of the page after an offering.
    pub(super) cursor_of: fn(&Offering) -> String,
    /// The idempotency key of a create.
    pub(super) create_key: fn(&Call) -> Option<Key>,
    /// The idempotency key of a promotion.
    pub(super) set_main_key: fn(&Call) -> Option<Key>,
    /// How a key used with another body is rejected; else it gets the first response.
    pub(super) other_body: Option<(StatusCode, &'static str)>,
    /// What an idempotency key means whose offering was deleted.
    pub(super) used_key: Used,
    /// The `url` of an id.
    pub(super) url: fn(&str) -> String,
    pub(super) times: Times,
    pub(super) shows: Vec<Show>,
    pub(super) overrides: Vec<Override>,
    pub(super) changes: Vec<ResponseChange>,
    /// Whether bodies are indented.
    pub(super) pretty: bool,
    /// Whether a stored id is the one that a request names, by operation; for the list the cursor.
    pub(super) names: [fn(&str, &str) -> bool; Operation::ALL.len()],
    /// Characters that an id in a path or cursor may have besides those of the contract, by operation.
    pub(super) wildcards: [&'static str; Operation::ALL.len()],
    /// The id in a path, decoded; nothing where it is not UTF-8.
    pub(super) decode_id: fn(&str) -> Option<String>,
    /// A value of the query, likewise.
    pub(super) decode_value: fn(&str) -> Option<String>,
    hooks: Vec<(When, Operation, Hook)>,
    pub(super) interleavings: [Option<Interleaving>; Operation::ALL.len()],
}

impl Default for Config {
    fn default() -> Self {
        Self {
            front: Vec::new(),
            interruptions: Vec::new(),
            waits_before: Vec::new(),
            waits_after: Vec::new(),
            waits_its_turn: |_| false,
            meetings: Vec::new(),
            others: Others::Rest,
            archive: 0,
            legacy_tags: &[],
            keyless: |_| false,
            stranger: |_| None,
            unauthorized: |_, _| {},
            done_unauthorized: |_| false,
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
            used_key: Used::Replayed,
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
            repeats: Repeats::Kept,
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

    /// Runs `hook` after each response of an operation that was kept for an idempotency key.
    pub(super) fn replayed(&mut self, operation: Operation, hook: Hook) {
        self.hooks.push((When::Replayed, operation, hook));
    }

    /// Ends requests that satisfy a condition in a 500.
    pub(super) fn crash(&mut self, condition: fn(&Call, &Project) -> bool) {
        self.crashes.push(condition);
    }

    /// Changes every offering that these operations show.
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

    /// Gives a rejection another status or code.
    pub(super) fn override_error(&mut self, at: &'static [Operation], about: &'static str, instead: Instead) {
        self.overrides.push(Override { at, about, instead });
    }

    /// Works on requests of these operations in another way than in one step.
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

/// Percent-decoded once; a plus sign stands for itself.
pub(super) fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}
