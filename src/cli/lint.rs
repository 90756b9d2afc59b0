//! `qonform lint`: mistakes in the contract's document.

use super::args::ContractArguments;
use super::{CliError, out, settings};

/// Lists the mistakes in the contract's document; exit code 1 if there are any.
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
        0 => format!("{name}: no mistakes\n"),
        1 => format!("{name}: 1 mistake\n"),
        many => format!("{name}: {many} mistakes\n"),
    });
    out::out(&text)?;
    Ok(u8::from(!contract.lints().is_empty()))
}
