//! The documented headers that responses had.

use super::super::plan::Plan;
use crate::contract::{Contract, Endpoint};
use crate::finding::{CaseResult, SeenHeader};

/// Every documented header of the tested operations, with the number of responses that had it.
pub(super) fn of(contract: &Contract, plan: &Plan, record: &CaseResult) -> Vec<SeenHeader> {
    let six = Endpoint::ALL.into_iter().map(|endpoint| contract.operation(endpoint));
    let mut headers = Vec::new();
    for operation in six.chain(plan.others()) {
        for response in &operation.responses {
            for header in response.headers.iter().filter(|header| !header.name.eq_ignore_ascii_case("content-type")) {
                let is_it = |status| operation.response(status).is_some_and(|other| other.status == response.status);
                let counted = record.headers.iter().filter(|(key, _)| {
                    key.operation == operation.id && key.header.eq_ignore_ascii_case(&header.name) && is_it(key.status)
                });
                headers.push(SeenHeader {
                    operation: operation.id.clone(),
                    status: response.key(),
                    header: header.name.clone(),
                    required: header.required,
                    count: counted.map(|(_, count)| count).sum(),
                });
            }
        }
    }
    headers
}
