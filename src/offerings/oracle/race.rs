//! What several clients at once see, in the words of the table: statuses as an order of requests is searched by, and
//! the anomalies that have a direct meaning.

use super::call::Call;
use super::conditions::{self as row, Promise};
use super::reply::{Content, Page, Reply};
use super::text::list;
use super::verdict::Wrong;
use crate::check::Offering;
use crate::contract::Endpoint;

/// What no correct server lets several clients see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RaceAnomaly {
    /// One page with several main offerings; in a project that was empty they are the first ones.
    SeveralMains {
        /// Whether the project was empty.
        first: bool,
    },
    /// One whole list without a main offering.
    NoMain {
        /// Whether the project was empty.
        first: bool,
    },
    /// One page that shows an id twice.
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
    /// A create that came second and was rejected otherwise than as a duplicate.
    SecondCreate {
        /// Whether it had an idempotency key.
        keyed: bool,
    },
    /// Products that no client sent as one list.
    Torn,
    /// A deleted offering that is back.
    Back,
    /// A 5xx where a delete meets other writes.
    ServerError,
    /// Something of another project.
    OtherProject,
    /// No order of the requests that explains the responses, with the rule that is about it.
    Unexplained(&'static str),
}

impl RaceAnomaly {
    /// The row of the table, and what is expected.
    fn row(self) -> (&'static Promise, &'static str) {
        const ONE_MAIN: &str = "exactly one offering with tag 1 in every list of one page";
        const ORDER: &str = "an order, compatible with real time, that explains every response";
        match self {
            Self::SeveralMains { first: true } => (&row::RACE_FIRST_SEVERAL, ONE_MAIN),
            Self::NoMain { first: true } => (&row::RACE_FIRST_NONE, ONE_MAIN),
            Self::SeveralMains { first: false } | Self::NoMain { first: false } => (&row::RACE_MAINS, ONE_MAIN),
            Self::ListedTwice { keyed: true } => (&row::RACE_KEY_LISTED_TWICE, "one offering"),
            Self::ListedTwice { keyed: false } => (&row::RACE_LISTED_TWICE, "one offering"),
            Self::NoneCreated { keyed: true } => (&row::RACE_KEY_NONE, "one 201"),
            Self::NoneCreated { keyed: false } => (&row::RACE_CREATE_NONE, "one 201"),
            Self::SeveralCreated => (&row::RACE_CREATE_SEVERAL, "one 201, the others 409"),
            Self::OneKeyTwoOfferings => (&row::RACE_KEY_TWO, "the same offering"),
            Self::SecondCreate { keyed: true } => (&row::RACE_KEY_SECOND, "409"),
            Self::SecondCreate { keyed: false } => (&row::RACE_CREATE_SECOND, "409"),
            Self::Torn => (&row::RACE_TORN, "the whole list of one writer"),
            Self::Back => (&row::RACE_BACK, "404 after the delete returned 204"),
            Self::ServerError => (&row::RACE_SERVER_ERROR, "no 5xx"),
            Self::OtherProject => (&row::RACE_OTHER_PROJECT, "the offerings of the key's project"),
            Self::Unexplained(rule) => {
                let promise = row::RACE_ORDERS.iter().find(|promise| promise.rule() == rule);
                (promise.unwrap_or(&&row::RACE_ORDER_SET_MAIN), ORDER)
            }
        }
    }

    /// What is wrong, with what was received.
    pub fn wrong(self, received: impl Into<String>) -> Wrong {
        let (promise, expected) = self.row();
        Wrong::content(promise, "", expected, received)
    }
}

/// A list of products as text.
pub fn product_list(products: &[String]) -> String {
    list(products)
}

impl Reply {
    /// A success of this operation that shows an offering, or nothing.
    pub fn success(endpoint: Endpoint, shown: Option<Offering>) -> Self {
        let status = match endpoint {
            Endpoint::Create => 201,
            Endpoint::Delete => 204,
            Endpoint::List | Endpoint::Get | Endpoint::Update | Endpoint::SetMain => 200,
        };
        Self::of(status, None, shown.map_or(Content::Nothing, Content::Offering))
    }

    /// A whole list of these offerings.
    pub fn whole_list(offerings: Vec<Offering>) -> Self {
        Self::of(200, None, Content::Page(Page { offerings, has_more: Some(false), next_cursor: None }))
    }

    /// A rejection that depends on the state, as the contract words it; `None` for any other response. Statuses and codes
    /// are judged where one client sees them.
    pub fn plain_rejection(&self, call: &Call) -> Option<Self> {
        let is_missing = row::GET_MISSING.statuses.contains(&self.status) && call.endpoint != Endpoint::List;
        let is_conflict = self.is_conflict() && call.is_write();
        let reason = if is_missing { &row::GET_MISSING } else { &row::DUPLICATE };
        (is_missing || is_conflict)
            .then(|| Self::of(reason.statuses[0], reason.codes.first().copied(), Content::Nothing))
    }
}
