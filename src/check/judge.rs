//! Checks one exchange by the rules for every exchange.

use std::sync::Arc;

use super::{SeenTimestamps, body, offering, response};
use crate::contract::{Contract, Endpoint, Operation};
use crate::exchange::{Credentials, Exchange, OperationRef};
use crate::finding::{ConditionScope, Evidence, Failure, Record};

/// The rules that a [`Judge`] checks.
pub const RULES: &[&str] = &[
    response::NO_SERVER_ERROR,
    response::DOCUMENTED_STATUS,
    body::CONTENT_TYPE,
    body::SCHEMA,
    response::CODE_DOCUMENTED,
    response::CODE_FORMAT,
    response::DETAILS_OMITTED,
    response::NO_META,
    response::ERROR_TYPE,
    body::UNDOCUMENTED_PROPERTY,
    response::NO_SECRET,
    response::HEADERS_SANE,
    offering::URL,
    offering::TIMESTAMPS,
    offering::CREATED_AT_IMMUTABLE,
    offering::TAG_VALUES,
];

/// Checks exchanges by the `response.*` and `offering.*` rules. One judge serves a whole run.
#[derive(Debug)]
pub struct Judge {
    contract: Arc<Contract>,
    general_codes: Vec<String>,
}

impl Judge {
    /// A judge for this contract.
    pub fn new(contract: Arc<Contract>) -> Self {
        let names_codes = Endpoint::ALL
            .iter()
            .flat_map(|endpoint| &contract.operation(*endpoint).responses)
            .any(|response| !response.codes.is_empty());
        // The general list applies only if the document lists no code at any response.
        let general_codes = if names_codes { Vec::new() } else { contract.known_codes().iter().cloned().collect() };
        Self { contract, general_codes }
    }

    /// The contract that it checks against.
    pub fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// Checks one exchange and adds the results to `record`. `timestamps` has those of earlier responses.
    pub fn exchange(
        &self,
        exchange: &Arc<Exchange>,
        keys: &Credentials,
        timestamps: &mut SeenTimestamps,
        record: &mut Record,
    ) {
        let mut cx = CheckContext {
            exchange,
            operation: self.operation(&exchange.request.operation),
            general_codes: &self.general_codes,
            keys,
            record,
        };
        cx.count_response();
        response::judge(&mut cx);
        offering::judge(&mut cx, timestamps);
    }

    fn operation(&self, which: &OperationRef) -> Option<&Operation> {
        match which {
            OperationRef::Offerings(endpoint) => Some(self.contract.operation(*endpoint)),
            OperationRef::Other(id) => self.contract.operations().iter().find(|operation| operation.id == **id),
            OperationRef::None => None,
        }
    }
}

/// One exchange, with what the rules need to check it and the record of their results.
pub(super) struct CheckContext<'a> {
    pub(super) exchange: &'a Arc<Exchange>,
    /// `None` when the request is not for an operation of the document.
    pub(super) operation: Option<&'a Operation>,
    /// Typed codes for responses that list none of their own.
    pub(super) general_codes: &'a [String],
    pub(super) keys: &'a Credentials,
    pub(super) record: &'a mut Record,
}

/// How an exchange deviates from a rule.
pub(super) struct Deviation {
    /// Name of the condition within its rule.
    slug: &'static str,
    /// What differs, without values.
    difference: String,
    /// What is wrong: noun phrase and verb, without values.
    title: String,
    expected: String,
    received: String,
}

/// Builds a deviation.
pub(super) fn deviation(
    slug: &'static str,
    difference: impl Into<String>,
    title: impl Into<String>,
    expected: impl Into<String>,
    received: impl Into<String>,
) -> Deviation {
    Deviation {
        slug,
        difference: difference.into(),
        title: title.into(),
        expected: expected.into(),
        received: received.into(),
    }
}

impl CheckContext<'_> {
    /// Counts a check of `rule`, and a failure unless `passed`; only a failure evaluates `deviation`. These rules apply
    /// to any response, so the same failure at several operations is one defect.
    pub(super) fn rule(&mut self, rule: &'static str, passed: bool, deviation: impl FnOnce() -> Deviation) {
        let failure = (!passed).then(|| {
            let Deviation { slug, difference, title, expected, received } = deviation();
            Failure {
                rule,
                condition: format!("{rule}/{slug}").into(),
                difference: difference.into(),
                title: title.into(),
                expected,
                received: self.keys.redact(&received).into_owned(),
                operation: self.exchange.request.operation.clone(),
                scope: ConditionScope::Anywhere,
                level: None,
                also: Vec::new(),
                at: Arc::clone(self.exchange),
                trace: Vec::new(),
                evidence: Evidence::default(),
            }
        });
        self.record.check(rule, failure);
    }

    fn count_response(&mut self) {
        if let Some(id) = self.exchange.request.operation.id() {
            let response = &self.exchange.response;
            let code = response.error_code().unwrap_or_default();
            // A longer text is not a code, and the schema rule reports it.
            let code = if code.len() <= 64 { code } else { "" };
            *self.record.seen.entry((id.to_owned(), response.status, code.to_owned())).or_default() += 1;
        }
    }
}
