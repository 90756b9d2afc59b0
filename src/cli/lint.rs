//! `qonform lint`: mistakes in the contract's document.

use qonform::contract::Contract;
use qonform::document::Lint;
use qonform::report;
use serde_json::Value;

use super::args::ContractArguments;
use super::{CliError, out, settings};

/// Member of the document that allows lints: an object of their ids and the reasons.
const ALLOWED: &str = "x-lint-allow";

/// Lists the mistakes in the contract's document; exit code 1 if there are any that it does not allow.
pub(super) fn lint(arguments: &ContractArguments) -> Result<u8, CliError> {
    let contract = settings::contract(arguments)?;
    let name = contract.document().name();
    let (allowed, mistakes): (Vec<&Lint>, Vec<&Lint>) =
        contract.lints().iter().partition(|lint| reason(&contract, lint.id).is_some());
    let mut text = String::new();
    for lint in contract.lints() {
        let reason = reason(&contract, lint.id).map_or_else(String::new, |reason| format!(" (allowed: {reason})"));
        text.push_str(&format!(
            "{name}:{}:{}: {} [{}]{reason}\n",
            lint.position.line, lint.position.column, lint.message, lint.id
        ));
    }
    let unused = unused(&contract);
    for id in &unused {
        let position = contract.document().position(&format!("/{ALLOWED}/{id}"));
        text.push_str(&format!(
            "{name}:{}:{}: `{ALLOWED}` names `{id}`, which the document does not have\n",
            position.line, position.column
        ));
    }
    let count = mistakes.len() + unused.len();
    text.push_str(&match count {
        0 => format!("{name}: no mistakes"),
        _ => format!("{name}: {}", report::count(count, "mistake")),
    });
    if !allowed.is_empty() {
        text.push_str(&format!(" ({} allowed)", allowed.len()));
    }
    text.push('\n');
    out::out(&out::plain(&text))?;
    Ok(u8::from(count > 0))
}

/// Why the document allows a lint; `None` if it does not, or gives no reason.
fn reason<'c>(contract: &'c Contract, id: &str) -> Option<&'c str> {
    let reason = contract.document().value().get(ALLOWED)?.get(id)?.as_str()?;
    Some(reason.trim()).filter(|reason| !reason.is_empty())
}

/// The ids that the document allows and does not have.
fn unused(contract: &Contract) -> Vec<&str> {
    let allowed = contract.document().value().get(ALLOWED).and_then(Value::as_object);
    let ids = allowed.into_iter().flat_map(|allowed| allowed.keys().map(String::as_str));
    ids.filter(|id| !contract.lints().iter().any(|lint| lint.id == *id)).collect()
}
