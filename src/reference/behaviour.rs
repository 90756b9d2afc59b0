//! Alternative correct behaviours, where the contract is open or silent.
//!
//! None of them violates a must rule.
//!
//! Start at [`Behaviour::ALL`], or at [`Behaviour::combination`] for combinations.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONNECTION, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::call::Operation;
use super::config::{DeleteMain, DeletedKey, Effect, OtherClient};
use super::fault::UnknownName;
use super::front;
use super::idempotency::Key;
use super::in_flight::{NO_TIME, OnOverlap, Overlap, same_key, uneven};
use super::response::{ANY, FAILURE, Instead, SUCCESS};
use super::server_response::ApiError;
use super::step::Reply;
use super::validate::{READONLY, Repeats, Tag, is_documented};
use super::view::encoded;

/// Description of a behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BehaviourInfo {
    /// Unique name in kebab-case.
    pub name: &'static str,
    /// What the server does, as one sentence.
    pub sentence: &'static str,
    /// Behaviours that it cannot be combined with; listed on at least one of the two.
    pub conflicts: &'static [Behaviour],
}

/// Declares the enum and its catalogue.
macro_rules! behaviours {
    ($(
        $variant:ident $name:literal $(without [$($conflict:ident)+])? $sentence:literal
        => $effect:expr;
    )+) => {
        /// An alternative correct behaviour of the server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Behaviour {
            $(#[doc = $sentence] $variant),+
        }

        /// In the order of the variants.
        const ROWS: &[BehaviourInfo] = &[$(BehaviourInfo {
            name: $name,
            sentence: $sentence,
            conflicts: &[$($(Behaviour::$conflict),+)?],
        }),+];

        #[allow(clippy::redundant_closure_for_method_calls, reason = "a method is not one for every lifetime")]
        const EFFECTS: &[Effect] = &[$($effect),+];

        impl Behaviour {
            /// Every behaviour.
            pub const ALL: [Self; ROWS.len()] = [$(Self::$variant),+];
        }
    };
}

behaviours! {
    OrderDescending "order-descending"
        "The list is in descending order of creation."
        => |config| config.order = |rows| rows.reverse();
    NextCursorAbsent "next-cursor-absent" without [NextCursorNull NextCursorOpaque]
        "The list never has `next_cursor`."
        => |config| config.respond(&[Operation::List], SUCCESS, |_, page| page.remove("next_cursor"));
    NextCursorNull "next-cursor-null" without [NextCursorOpaque]
        "`next_cursor` is always null."
        => |config| config.respond(&[Operation::List], SUCCESS, |_, page| page.set("next_cursor", Value::Null));
    NextCursorOpaque "next-cursor-opaque"
        "`next_cursor` is a token, not an offering id."
        => |config| config.cursor_of = |row| format!("cursor:after:{}", row.number);
    FractionalSeconds "fractional-seconds"
        "Timestamps have microseconds."
        => |config| config.times.fraction = "%.6f";
    OffsetZero "offset-zero"
        "Timestamps end in `+00:00`."
        => |config| config.times.zone = "+00:00";
    EqualTimestamps "equal-timestamps"
        "All timestamps of all offerings are the same second."
        => |config| config.times.equal = true;
    UrlEncoded "url-encoded"
        "`url` has the id percent-encoded."
        => |config| config.url = |id| format!("/v4/offerings/{}", encoded(id));
    Charset "charset"
        "The content type names the charset."
        => |config| config.respond(&Operation::ALL, ANY, |_, response| response.declare("application/json; charset=utf-8"));
    PrettyJson "pretty-json"
        "Bodies are indented over several lines."
        => |config| config.pretty = true;
    ExtraProperties "extra-properties"
        "Offerings, lists and errors have undocumented properties."
        => |config| {
            config.show(&Operation::ALL, |shown| {
                shown.insert("display_name".into(), Value::Null);
                shown.insert("attributes".into(), json!({ "source": "api", "version": 3 }));
            });
            config.respond(&[Operation::List], SUCCESS, |_, page| page.set("total_count", Value::Null));
            config.respond(&Operation::ALL, FAILURE, |_, response| response.set("request_id", "5f1c9ae2"));
        };
    ExtraHeaders "extra-headers"
        "Responses have headers for tracing, caching and rate limits."
        => |config| config.respond(&Operation::ALL, ANY, |_, response| {
            response.headers.extend([
                (HeaderName::from_static("x-request-id"), HeaderValue::from_static("5f1c9ae2")),
                (HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from_static("998")),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ]);
        });
    DetailsNull "details-null-otherwise" without [DetailsEmpty]
        "`details` is null when no field is at fault."
        => |config| config.respond(&Operation::ALL, FAILURE, |_, response| response.default_details(Value::Null));
    DetailsEmpty "details-empty-otherwise"
        "`details` is an empty array when no field is at fault."
        => |config| config.respond(&Operation::ALL, FAILURE, |_, response| response.default_details(json!([])));
    LimitWithoutDetails "limit-without-details" without [DetailsNull DetailsEmpty]
        "The error for a limit out of range names no field."
        => |config| config.respond(&[Operation::List], FAILURE, |_, response| {
            if response.blames("limit") {
                response.remove_error("details");
            }
        });
    MetaOnLimit "meta-beside-limit"
        "The error for a limit out of range has `_meta` beside it, as in the example of the list page."
        => |config| config.respond(&[Operation::List], FAILURE, |_, response| response.explain_limit());
    LogicalOn422 "logical-on-422"
        "A 422 has the type `logical`."
        => |config| config.respond(&Operation::ALL, 422..=422, |_, response| response.set_error("type", "logical"));
    TagZeroOnCreate "tag-zero-on-create"
        "New offerings have the tag 0."
        => |config| config.new_tag = |tag| if let Tag::Value(tag) = tag { Some(tag) } else { Some(0) };
    TagNullOnCreate "tag-null-on-create" without [TagZeroOnCreate]
        "New offerings have the tag null, even if the body has 0."
        => |config| config.new_tag = |_| None;
    DemotedToNull "demoted-to-null"
        "The previous main gets the tag null."
        => |config| config.demoted = None;
    DeleteMainRefused "delete-main-refused" without [DeleteMainPromotes DeleteMain409]
        "DELETE of the main returns 422."
        => |config| config.delete_main = DeleteMain::Rejects(StatusCode::UNPROCESSABLE_ENTITY);
    DeleteMain409 "delete-main-409" without [DeleteMainPromotes FirstAgainRegular]
        "DELETE of the main returns 409."
        => |config| config.delete_main = DeleteMain::Rejects(StatusCode::CONFLICT);
    DeleteMainPromotes "delete-main-promotes"
        "DELETE of the main promotes the oldest remaining offering."
        => |config| config.delete_main = DeleteMain::Promotes;
    DeletedIdsTaken "deleted-ids-taken"
        "POST with the id of a deleted offering returns 409."
        => |config| config.done(Operation::Delete, |step| {
            let id = step.id();
            step.project.retired.insert(id);
        });
    FirstAgainRegular "first-again-regular" without [PromotesWithoutMain DeleteMainRefused]
        "In a project that was emptied, the first offering does not become main."
        => |config| config.becomes_main = |project| project.total_created == 0 && project.listed().is_empty();
    PromotesWithoutMain "promotes-without-main"
        "In a project with offerings but no main, a new offering becomes main."
        => |config| config.becomes_main = |project| project.main_id().is_none();
    Replay200 "replay-200"
        "A replayed POST returns 200."
        => |config| config.replayed(Operation::Create, |step| {
            if let Some(offering) = step.reply().cloned() {
                step.result = Ok(Reply::Offering(offering));
            }
        });
    ReplayCurrent "replay-current"
        "A replayed POST returns the current state of the offering while it exists."
        => |config| config.replayed(Operation::Create, |step| step.show_current());
    ReplayDeletedAnew "replay-deleted-anew"
        without [ReplayDeleted404 ReplayDeleted409 ReplayDeleted410 ReplayDeleted422]
        "After its offering was deleted, an idempotency key creates a new offering."
        => |config| config.deleted_key = DeletedKey::Forgotten;
    ReplayDeleted404 "replay-deleted-404" without [ReplayDeleted409 ReplayDeleted410 ReplayDeleted422]
        "After its offering was deleted, an idempotency key returns 404."
        => |config| config.deleted_key = DeletedKey::Rejected(StatusCode::NOT_FOUND, "not_found");
    ReplayDeleted409 "replay-deleted-409" without [ReplayDeleted410 ReplayDeleted422]
        "After its offering was deleted, an idempotency key returns 409."
        => |config| config.deleted_key = DeletedKey::Rejected(StatusCode::CONFLICT, "idempotency_key_used");
    ReplayDeleted410 "replay-deleted-410" without [ReplayDeleted422]
        "After its offering was deleted, an idempotency key returns 410."
        => |config| config.deleted_key = DeletedKey::Rejected(StatusCode::GONE, "offering_deleted");
    ReplayDeleted422 "replay-deleted-422"
        "After its offering was deleted, an idempotency key returns 422."
        => |config| config.deleted_key = DeletedKey::Rejected(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_used");
    OtherBody400 "other-body-400" without [OtherBody409 OtherBody422]
        "An idempotency key used with another body returns 400."
        => |config| config.other_body = Some((StatusCode::BAD_REQUEST, "invalid_data"));
    OtherBody409 "other-body-409" without [OtherBody422]
        "An idempotency key used with another body returns 409."
        => |config| config.other_body = Some((StatusCode::CONFLICT, "idempotency_conflict"));
    OtherBody422 "other-body-422"
        "An idempotency key used with another body returns 422."
        => |config| config.other_body = Some((StatusCode::UNPROCESSABLE_ENTITY, "idempotency_conflict"));
    RejectionReplayed "rejection-replayed"
        "The idempotency key of a rejected POST returns the same error again for any body."
        => |config| {
            config.rejected(Operation::Create, |step| step.save_rejection());
            config.done(Operation::Create, |step| {
                if let Some(error) = step.saved_rejection() {
                    step.reject(error);
                }
            });
        };
    UnknownField400 "unknown-field-400"
        "A body with an unknown field is rejected."
        => |config| config.body_checks.push(|_, body| {
            body.keys().find(|name| !is_documented(name)).map(|name| format!("The field `{name}` is not known."))
        });
    ReadonlyField400 "readonly-field-400"
        "A body with a read-only field is rejected."
        => |config| config.body_checks.push(|_, body| {
            let name = READONLY.iter().find(|name| body.contains_key(**name))?;
            Some(format!("The field `{name}` is read-only."))
        });
    UpdateId400 "update-id-400"
        "PATCH with an `id` in its body is rejected."
        => |config| config.body_checks.push(|operation, body| {
            let rejected = operation == Operation::Update && body.contains_key("id");
            rejected.then(|| "The field `id` is not accepted here.".to_owned())
        });
    EmptyUpdate400 "empty-update-400"
        "PATCH with an empty object is rejected."
        => |config| config.body_checks.push(|operation, body| {
            let rejected = operation == Operation::Update && body.is_empty();
            rejected.then(|| "There is nothing to update.".to_owned())
        });
    TagOnRegular400 "tag-on-regular-400"
        "PATCH with a tag is rejected on a regular offering."
        => |config| config.done(Operation::Update, |step| {
            let sent = step.sends_tag(None) || step.sends_tag(Some(0));
            if sent && step.reply().is_some_and(|row| !row.is_main()) {
                step.reject(ApiError::field("invalid_data", "tag", "is read-only"));
            }
        });
    ProductsMerged "products-merged" without [RepeatedProducts400]
        "A repeated product id is stored once."
        => |config| config.repeats = Repeats::Merged;
    RepeatedProducts400 "repeated-products-400"
        "A repeated product id is rejected."
        => |config| config.repeats = Repeats::Rejected;
    IdsOfAnyCase "ids-of-any-case"
        "Ids are case-insensitive."
        => |config| config.names = [|stored, given| stored.eq_ignore_ascii_case(given); _];
    IdsAndKeysOfAnyCase "ids-and-keys-of-any-case" without [IdsOfAnyCase]
        "Ids are case-insensitive, also for the idempotency keys of set-main."
        => |config| {
            config.names = [|stored, given| stored.eq_ignore_ascii_case(given); _];
            config.set_main_key = |call| {
                Key::of(call).map(|key| Key { path: key.path.to_ascii_lowercase(), ..key })
            };
        };
    UnknownQuery400 "unknown-query-400"
        "An undocumented query parameter is rejected."
        => |config| config.call_checks.push(|call| {
            let name = call.undocumented_parameter().filter(|_| call.operation == Operation::List)?;
            Some(ApiError::malformed(format!("The query parameter `{name}` is not known.")))
        });
    InvalidId404 "invalid-id-404"
        "GET, PATCH and set-main of a malformed id return 404."
        => |config| {
            for operation in [Operation::Get, Operation::Update, Operation::SetMain] {
                config.rejected(operation, |step| {
                    if step.code() == "invalid_data" && step.blames("offering_id") {
                        step.result = Err(ApiError::not_found());
                    }
                });
            }
        };
    SetMainBody400 "set-main-body-400"
        "Set-main with a body is rejected."
        => |config| config.call_checks.push(|call| {
            let rejected = call.operation == Operation::SetMain && call.bytes().is_ok_and(|body| !body.is_empty());
            rejected.then(|| ApiError::malformed("This operation accepts no body."))
        });
    AnyContentType "any-content-type"
        "The content type of a request body is ignored."
        => |config| config.is_json = |_| true;
    UpdateAlwaysTouches "update-always-touches"
        "A PATCH or promotion without effect also sets `updated_at`."
        => |config| config.touches = |_| true;
    ConnectionClose "connection-close"
        "The connection is closed after each response."
        => |config| config.respond(&Operation::ALL, ANY, |_, response| {
            response.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        });
    Slow "slow"
        "Every response takes a few milliseconds."
        => |config| config.waits_before.push(|_, _| Duration::from_millis(4));
    TooManyRequests "too-many-requests"
        "Some requests return 429 with `Retry-After`."
        => |config| config.interruptions.push(front::too_many_requests);
    ManyOfferings "many-offerings"
        "The main project has 350 more offerings."
        => |config| config.archive = 350;
    LegacyTags "legacy-tags"
        "The main project has more offerings with legacy tags, including negative ones."
        => |config| config.legacy_tags = &[2, 3, -1, i16::MIN, i16::MAX];
    EncodedSlash404 "encoded-slash-404"
        "A router returns an HTML 404 for an encoded slash, a NUL or a dot segment in the path."
        => |config| config.front.push(front::router);
    SlashRedirect307 "slash-redirect-307"
        "A router decodes the path first and redirects with 307 if it ends in a slash."
        => |config| config.front.push(front::slash_redirect);
    UnknownUrlRequest "unknown-url-type-request"
        "A router returns 404 `invalid_request` of the type `request` for an encoded slash or a dot segment in the path."
        => |config| config.front.push(front::unknown_url);
    MalformedUrl400 "malformed-url-400"
        "An HTTP server returns an HTML 400 for an invalid percent-encoding in the URL."
        => |config| config.front.push(front::malformed_url);
    Firewall403 "firewall-403"
        "A firewall returns an HTML 403 for markup, SQL and control characters."
        => |config| config.front.push(front::firewall);
    LongTarget414 "long-target-414"
        "A proxy returns 414 for an id or cursor over 100 characters."
        => |config| config.front.push(front::long_target);
    Oversized431 "oversized-431" without [LongTarget414]
        "A proxy returns 431 for an id or cursor over 100 characters."
        => |config| config.front.push(front::large_headers);
    StrictProxy400 "strict-proxy-400"
        "A proxy returns an HTML 400 for a path with a NUL, an invalid encoding or over 100 characters in a segment."
        => |config| config.front.push(front::strict_proxy);
    UnknownMethod501 "unknown-method-501"
        "An undocumented method returns 501."
        => |config| config.unknown_method = StatusCode::NOT_IMPLEMENTED;
    CompressesIfAllowed "compresses-if-allowed"
        "Responses are compressed unless the request forbids it."
        => |config| config.compresses = true;
    GeneralCodes "general-codes"
        "A malformed id or cursor has the general code `invalid_request`."
        => |config| for about in ["invalid_data/offering_id", "invalid_data/id", "invalid_data/starting_after"] {
            config.override_error(&Operation::ALL, about, Instead::Code("invalid_request"));
        };
    FewProducts "few-products" without [OneProduct]
        "Only two products are known."
        => |config| config.known_products = 2;
    OneProduct "one-product"
        "Only one product is known."
        => |config| config.known_products = 1;
    ProductsOfAnyCase "products-of-any-case" without [ProductsOfAnyCaseAsSent]
        "Product ids are case-insensitive; the registered spelling is stored."
        => |config| for body in [&mut config.create, &mut config.update] {
            body.resolve = |catalogue, ids| ids.iter().map(|id| catalogue.in_any_case(id)).collect();
        };
    ProductsOfAnyCaseAsSent "products-of-any-case-as-sent"
        "Product ids are case-insensitive; the sent spelling is stored."
        => |config| for body in [&mut config.create, &mut config.update] {
            body.resolve = |catalogue, ids| {
                ids.iter().all(|id| catalogue.in_any_case(id).is_some()).then(|| ids.to_vec())
            };
        };
    LargeBody413 "large-body-413"
        "A proxy returns 413 for a body over 64 KiB."
        => |config| config.front.push(front::large_body);
    Unavailable503 "unavailable-503"
        "For some requests, a proxy returns 503 with `Retry-After`."
        => |config| config.interruptions.push(front::unavailable);
    OthersAdd "others-add" without [OthersComeAndGo]
        "Another client adds offerings at the same time."
        => |config| config.other_client = OtherClient::Adds;
    OthersComeAndGo "others-come-and-go"
        "Another client adds and deletes offerings at the same time."
        => |config| config.other_client = OtherClient::AddsAndDeletes;
    UnevenPace "uneven-pace"
        "Requests are processed after a few milliseconds; the delay varies."
        => |config| config.waits_before.push(|_, requests| uneven(requests));
    LateResponses "late-responses"
        "Responses to writes are sent a few milliseconds after the write; the delay varies."
        => |config| config.waits_after.push(|operation, requests| {
            if operation.writes() { uneven(requests) } else { NO_TIME }
        });
    LateReads "late-reads"
        "Responses to reads are sent a few milliseconds after the read; the delay varies."
        => |config| config.waits_after.push(|operation, requests| {
            if operation.writes() { NO_TIME } else { uneven(requests) }
        });
    OneWriteAtATime "one-write-at-a-time"
        "Writes run one at a time, a few milliseconds each."
        => |config| config.waits_its_turn = Operation::writes;
    KeyInFlight409 "key-in-flight-409" without [KeyInFlightWaits]
        "POST with an idempotency key that is in flight returns 409."
        => |config| config.overlaps.push(Overlap {
            matches: |other, write| same_key(other, write) && write.operation == Operation::Create,
            then: OnOverlap::Reject("idempotency_in_flight", "A request with this idempotency key is in flight."),
        });
    KeyInFlightWaits "key-in-flight-waits"
        "POST with an idempotency key that is in flight waits for the first response."
        => |config| config.overlaps.push(Overlap {
            matches: |other, write| same_key(other, write) && write.operation == Operation::Create,
            then: OnOverlap::Wait,
        });
    SecondWriter409 "second-writer-409"
        "Of two concurrent writes, one returns 409."
        => |config| config.overlaps.push(Overlap {
            matches: |_, _| true,
            then: OnOverlap::Reject("concurrent_write", "Another write is under way; try again."),
        });
    SecondWriterOfOffering409 "second-writer-of-offering-409"
        "Of two concurrent writes to one offering, one returns 409."
        => |config| config.overlaps.push(Overlap {
            matches: |other, write| other.id == write.id,
            then: OnOverlap::Reject("concurrent_write", "Another write is under way; try again."),
        });
    ReservedIds "reserved-ids"
        "POST reserves the id and stores the offering a few milliseconds later."
        => |config| config.overlaps.push(Overlap {
            matches: |other, write| {
                let both = [other.operation, write.operation] == [Operation::Create; 2];
                both && other.id == write.id
            },
            then: OnOverlap::Reject("offering_already_exists", "An offering with this id already exists in this project."),
        });
    UpdateReadsAgain "update-reads-again"
        "PATCH reads the offering again for its response."
        => |config| config.interleave(&[Operation::Update], |request| Box::pin(request.reading_again()));
    OneRequestAtATime "one-request-at-a-time"
        "Requests run one at a time, including reads."
        => |config| config.waits_its_turn = |_| true;
    PromotionsWait "promotions-wait"
        "Promotions run one at a time, a few milliseconds each."
        => |config| config.waits_its_turn = |operation| operation == Operation::SetMain;
    WritesOfOfferingWait "writes-of-offering-wait"
        "Writes to one offering run one at a time."
        => |config| config.overlaps.push(Overlap {
            matches: |other, write| other.id == write.id,
            then: OnOverlap::Wait,
        });
    SecondPromotion409 "second-promotion-409"
        "Of two concurrent promotions, one returns 409."
        => |config| config.overlaps.push(Overlap {
            matches: |other, write| [other.operation, write.operation] == [Operation::SetMain; 2],
            then: OnOverlap::Reject("concurrent_write", "Another write is under way; try again."),
        });
    SecondDelete409 "second-delete-409"
        "Of two concurrent DELETEs of one offering, one returns 409."
        => |config| config.overlaps.push(Overlap {
            matches: |other, write| {
                let both = [other.operation, write.operation] == [Operation::Delete; 2];
                both && other.id == write.id
            },
            then: OnOverlap::Reject("concurrent_write", "Another write is under way; try again."),
        });
}

impl Behaviour {
    /// Its description.
    pub fn info(self) -> &'static BehaviourInfo {
        &ROWS[self.index()]
    }

    /// The change that it makes to a config.
    pub(super) fn effect(self) -> Effect {
        EFFECTS[self.index()]
    }

    /// Its index in [`Behaviour::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    fn conflicts_with(self, other: Self) -> bool {
        self == other || self.info().conflicts.contains(&other) || other.info().conflicts.contains(&self)
    }

    /// Behaviours in which another client writes, so that the project is shared.
    pub const OTHER_CLIENTS: [Self; 2] = [Self::OthersAdd, Self::OthersComeAndGo];

    /// Behaviours that only concurrent clients see, and those that only add delays; never part of a combination.
    pub const CONCURRENT: [Self; 15] = [
        Self::UnevenPace,
        Self::LateResponses,
        Self::LateReads,
        Self::OneWriteAtATime,
        Self::KeyInFlight409,
        Self::KeyInFlightWaits,
        Self::SecondWriter409,
        Self::SecondWriterOfOffering409,
        Self::ReservedIds,
        Self::UpdateReadsAgain,
        Self::OneRequestAtATime,
        Self::PromotionsWait,
        Self::WritesOfOfferingWait,
        Self::SecondPromotion409,
        Self::SecondDelete409,
    ];

    /// Three to six compatible behaviours, in the order of [`Behaviour::ALL`]; the same for the same seed.
    pub fn combination(seed: u64) -> Vec<Self> {
        let mut state = seed;
        let mut below = |bound: usize| (split_mix(&mut state) % bound as u64) as usize;
        let wanted = 3 + below(4);
        let mut combination: Vec<Self> = Vec::with_capacity(wanted);
        while combination.len() < wanted {
            let next = Self::ALL[below(Self::ALL.len() - Self::CONCURRENT.len())];
            if !combination.iter().any(|other| other.conflicts_with(next)) {
                combination.push(next);
            }
        }
        combination.sort_unstable();
        combination
    }
}

/// One step of the `SplitMix64` generator.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl fmt::Display for Behaviour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.info().name)
    }
}

impl FromStr for Behaviour {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName::among("behaviour", name, ROWS.iter().map(|row| row.name));
        Self::ALL.into_iter().find(|behaviour| behaviour.info().name == name).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_behaviour_has_a_unique_kebab_case_name_and_a_sentence() {
        let mut names = BTreeSet::new();
        for behaviour in Behaviour::ALL {
            let info = behaviour.info();
            assert!(names.insert(info.name), "{behaviour}");
            assert!(info.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert!(info.sentence.ends_with('.'), "{behaviour}");
            assert!(!info.conflicts.contains(&behaviour), "{behaviour}");
            assert_eq!(info.name.parse(), Ok(behaviour));
        }
    }

    #[test]
    fn combinations_are_compatible_and_cover_every_behaviour() {
        let mut seen = BTreeSet::new();
        for seed in 0..500 {
            let combination = Behaviour::combination(seed);
            assert!((3..=6).contains(&combination.len()));
            for (place, one) in combination.iter().enumerate() {
                assert!(combination[place + 1..].iter().all(|other| !one.conflicts_with(*other)), "{combination:?}");
            }
            assert_eq!(combination, Behaviour::combination(seed));
            seen.extend(combination);
        }
        assert_eq!(seen.len(), Behaviour::ALL.len() - Behaviour::CONCURRENT.len());
        assert!(Behaviour::ALL.ends_with(&Behaviour::CONCURRENT), "combinations contain only behaviours before them");
    }
}
