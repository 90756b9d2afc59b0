//! Concurrent requests: responses as the search for an order compares them, and anomalies that need no search.

use super::call::Call;
use super::conditions::{self as row, Requirement};
use super::reply::{Content, Page, Reply};
use super::text::list;
use super::verdict::ModelDeviation;
use crate::check::Offering;
use crate::contract::Endpoint;

/// What no correct server shows to concurrent clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RaceAnomaly {
    /// A page with several main offerings.
    SeveralMains {
        /// Whether the project was empty.
        first: bool,
    },
    /// A complete one-page list without a main offering.
    NoMain {
        /// Whether the project was empty.
        first: bool,
    },
    /// A page that contains an id twice.
    ListedTwice {
        /// Whether the creates had an idempotency key.
        keyed: bool,
    },
    /// Several creates of one id, none of which succeeded.
    NoneCreated {
        /// Whether they had an idempotency key.
        keyed: bool,
    },
    /// Several creates of one id without a key that succeeded.
    SeveralCreated,
    /// Two responses to one key for two offerings.
    OneKeyTwoOfferings,
    /// A second create that was not rejected as a duplicate.
    SecondCreate {
        /// Whether it had an idempotency key.
        keyed: bool,
    },
    /// Products that no client sent as one list.
    Torn,
    /// A deleted offering that reappeared.
    Back,
    /// A 5xx to a delete or a write concurrent with it.
    ServerError,
    /// An offering of another project.
    OtherProject,
    /// No order of the requests explains the responses. The rule names the kind of requests.
    Unexplained(&'static str),
}

impl RaceAnomaly {
    /// The requirement and the expected text.
    fn row(self) -> (&'static Requirement, &'static str) {
        const ONE_MAIN: &str = "exactly one offering with tag 1 in every one-page list";
        const ORDER: &str = "an order, compatible with real time, that explains every response";
        match self {
            Self::SeveralMains { first: true } => (&row::RACE_FIRST_SEVERAL, ONE_MAIN),
            Self::NoMain { first: true } => (&row::RACE_FIRST_NONE, ONE_MAIN),
            Self::SeveralMains { first: false } | Self::NoMain { first: false } => (&row::RACE_MAINS, ONE_MAIN),
            Self::ListedTwice { keyed: true } => (&row::RACE_KEY_LISTED_TWICE, "every id once"),
            Self::ListedTwice { keyed: false } => (&row::RACE_LISTED_TWICE, "every id once"),
            Self::NoneCreated { keyed: true } => (&row::RACE_KEY_NONE, "one response with 201"),
            Self::NoneCreated { keyed: false } => (&row::RACE_CREATE_NONE, "one response with 201"),
            Self::SeveralCreated => (&row::RACE_CREATE_SEVERAL, "one response with 201, the others with 409"),
            Self::OneKeyTwoOfferings => (&row::RACE_KEY_TWO, "the same offering in both responses"),
            Self::SecondCreate { keyed: true } => (&row::RACE_KEY_SECOND, "409"),
            Self::SecondCreate { keyed: false } => (&row::RACE_CREATE_SECOND, "409"),
            Self::Torn => (&row::RACE_TORN, "the product_ids of one update"),
            Self::Back => (&row::RACE_BACK, "404 after the delete returned 204"),
            Self::ServerError => (&row::RACE_SERVER_ERROR, "no 5xx status"),
            Self::OtherProject => (&row::RACE_OTHER_PROJECT, "the offerings of the key's project"),
            Self::Unexplained(rule) => {
                let requirement = row::RACE_ORDERS.iter().find(|requirement| requirement.rule() == rule);
                (requirement.unwrap_or(&&row::RACE_ORDER_SET_MAIN), ORDER)
            }
        }
    }

    /// The deviation, with the received text.
    pub fn deviation(self, received: impl Into<String>) -> ModelDeviation {
        let (requirement, expected) = self.row();
        ModelDeviation::content(requirement, "", expected, received)
    }
}

/// A list of product ids as text.
pub fn product_list(products: &[String]) -> String {
    list(products)
}

impl Reply {
    /// A success of this operation, with an offering or without a body.
    pub fn success(endpoint: Endpoint, shown: Option<Offering>) -> Self {
        let status = match endpoint {
            Endpoint::Create => 201,
            Endpoint::Delete => 204,
            Endpoint::List | Endpoint::Get | Endpoint::Update | Endpoint::SetMain => 200,
        };
        Self::of(status, None, shown.map_or(Content::Nothing, Content::Offering))
    }

    /// A one-page list of these offerings.
    pub fn whole_list(offerings: Vec<Offering>) -> Self {
        Self::of(200, None, Content::Page(Page { offerings, has_more: Some(false), next_cursor: None }))
    }

    /// A rejection that depends on the state, with the documented status and code; `None` for any other response.
    /// Cases with one client check statuses and codes.
    pub fn plain_rejection(&self, call: &Call) -> Option<Self> {
        let is_missing = row::GET_MISSING.statuses.contains(&self.status) && call.endpoint != Endpoint::List;
        let is_conflict = self.is_conflict() && call.is_write();
        let reason = if is_missing { &row::GET_MISSING } else { &row::DUPLICATE };
        (is_missing || is_conflict)
            .then(|| Self::of(reason.statuses[0], reason.codes.first().copied(), Content::Nothing))
    }
}
