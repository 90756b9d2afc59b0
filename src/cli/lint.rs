//! `qonform lint`: what is off in the documents themselves.

use super::args::ContractArguments;
use super::{CliError, out, settings};

/// Lists the lints of the contract's document; 1 when there are any.
pub(super) fn lint(arguments: &ContractArguments) -> Result<u8, CliError> {
    let contract = settings::contract(arguments.spec.as_deref())?;
    let name = contract.document().name();
    let mut text = String::new();
    for lint in contract.lints() {
        text.push_str(&format!(
            "{name}:{}:{}: {} [{}]\n",
            lint.position.line, lint.position.column, lint.message, lint.id
        ));
    }
    text.push_str(&match contract.lints().len() {
        0 => format!("{name}: nothing is off\n"),
        1 => format!("{name}: 1 thing is off\n"),
        many => format!("{name}: {many} things are off\n"),
    });
    out::out(&text)?;
    Ok(u8::from(!contract.lints().is_empty()))
}
